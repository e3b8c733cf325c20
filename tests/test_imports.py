"""What may import what: executors never need the driver's code, nor vLLM, a GPU or a session."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PYSPARK_WRAPPERS = {
    *("udfs/checks/check_udf.py", "udfs/engine/dialogue_udf.py", "udfs/engine/gpus.py"),
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def modules_of(package: str) -> list[str]:
    return sorted(str(p.relative_to(PROJECT)) for p in (PROJECT / package).rglob("*.py"))


@pytest.mark.parametrize("module", modules_of("udfs"))
def test_executor_code_imports_neither_jobs_nor_spark(module: str) -> None:
    packages = {name.split(".")[0] for name in imports_of(PROJECT / module)}

    assert "spark_jobs" not in packages
    assert "pyspark" not in packages or module in PYSPARK_WRAPPERS


@pytest.mark.parametrize("package", ["udfs", "spark_jobs"])
def test_importing_everything_starts_nothing_and_needs_no_engine(package: str) -> None:
    names = [
        module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for module in modules_of(package)
        if not module.endswith("__main__.py")
    ]
    script = "\n".join(
        [
            "import sys",
            # None makes an import fail as if the package were not there.
            "sys.modules.update(vllm=None, torch=None, xllamacpp=None, gguf=None)",
            *(f"import {name}" for name in names),
            "from pyspark.sql import SparkSession",
            "assert SparkSession.getActiveSession() is None",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
