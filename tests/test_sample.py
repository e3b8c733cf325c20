"""The bundled corpus: valid, as varied as its README says, and written without accidents."""

import json
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "conf" / "sample"
LINES = (SAMPLE / "pages.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
PAGES = [json.loads(line) for line in LINES]
TEXTS = [page["text"] for page in PAGES]


def test_there_are_at_least_24_pages():
    assert len(PAGES) >= 24


def test_each_page_has_openwebmaths_fields_as_strings():
    for page in PAGES:
        assert list(page) == ["url", "text", "date", "metadata"]
        assert all(isinstance(value, str) for value in page.values())


def test_metadata_is_json_with_openwebmaths_dotted_keys():
    for page in PAGES:
        extraction = json.loads(page["metadata"])["extraction_info"]
        assert isinstance(extraction["found_math"], bool)
        assert extraction["mimetex.cgi"] == 0


def test_addresses_are_reserved_names():
    for page in PAGES:
        host = page["url"].split("/")[2]
        assert host.endswith((".example", "example.org"))


@pytest.mark.parametrize(
    "fragment",
    [
        "\n## ",
        "\\begin{align}",
        "\\[\n",
        "\\(",
        "$$",
        "```python",
        "|---|",
        "\\$5",
        " $5 to $4",
        "<|im_start|>system",
        "<|eot_id|>",
        "<|begin_of_text|>",
        "&nbsp;",
        "Lösungen",
    ],
)
def test_the_web_is_in_it(fragment: str):
    assert any(fragment in text for text in TEXTS)


def test_one_page_is_an_exact_duplicate_under_its_own_address():
    keys = [(page["url"], page["text"]) for page in PAGES]

    assert len(keys) - len(set(keys)) == 1


def test_one_text_is_also_there_under_another_address():
    addresses = {(page["url"], page["text"]) for page in PAGES}
    texts = [text for _, text in addresses]

    assert len(texts) - len(set(texts)) == 1


def test_one_page_is_empty_and_one_only_blank():
    blank = [text for text in TEXTS if not text.strip()]

    assert sorted(map(bool, blank)) == [False, True]


def test_one_page_is_very_long_and_does_not_repeat_itself():
    longest = max(TEXTS, key=len)
    paragraphs = [part for part in longest.split("\n\n") if len(part) > 80]

    assert len(longest) >= 28_000
    assert len(paragraphs) == len(set(paragraphs))


def test_one_page_is_a_single_sentence():
    assert any(0 < len(text) < 100 and "\n" not in text for text in map(str.strip, TEXTS) if text)


def test_one_line_is_very_long():
    assert any(len(line) > 2_000 for text in TEXTS for line in text.split("\n"))


def test_one_page_has_an_environment_that_is_never_closed():
    assert any(text.count("\\begin{align}") > text.count("\\end{align}") for text in TEXTS)


def test_the_readme_describes_every_line():
    rows = (SAMPLE / "README.md").read_text(encoding="utf-8").split("\n")
    numbers = [row.split("|")[1].strip() for row in rows if row.startswith("| ")]

    assert numbers[1:] == [str(number) for number in range(1, len(PAGES) + 1)]
