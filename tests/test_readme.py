"""What the README claims about faults is what tests try."""

import ast
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def find_marks() -> set[tuple[str, str]]:
    """The arguments of every `pytest.mark.fault` in the tests."""
    nodes = (node for file in PROJECT.glob("tests/**/test_*.py") for node in ast.walk(parse(file)))
    return {
        tuple(str(ast.literal_eval(argument)) for argument in node.args)  # type: ignore[misc]
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault"
    }


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_every_fault_of_the_readme_is_tried_and_every_one_tried_is_in_the_readme() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| what goes wrong | what becomes of it |\n|---|---|\n")
    rows = table.split("\n\n")[0].splitlines()

    listed = {tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows}
    assert listed == find_marks()
