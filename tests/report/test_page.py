"""The page holds whatever a model or a page wrote as text, loads nothing, and needs no id twice."""

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.report.contents import CONTENT, EMPTY, HOSTILE
from udfs.report.page import hash_source, read_part, render_dialogue, render_page, tell_share

PAGE = render_page(CONTENT)


class Elements(HTMLParser):
    """Notes all elements, with their attributes, and all text outside of script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_was_written_stands_on_the_page_as_text() -> None:
    elements = Elements(PAGE)

    counts = Counter(tag for tag, _ in elements.found)
    # A bar's tooltip is a title as well.
    assert counts["script"] == counts["style"] == 1
    assert not {"img", "iframe", "link", "object", "base"} & set(counts)
    # Dialogue, preamble, chunk, URL and model; and one of the compared.
    assert elements.text.count(HOSTILE) == 6
    assert "49" not in elements.text.split("{{ 7 * 7 }}")[0][-20:]


def test_nothing_is_loaded_and_nothing_runs_but_our_own() -> None:
    attributes = [
        (name, value or "") for _, found in Elements(PAGE).found for name, value in found.items()
    ]

    assert not [name for name, _ in attributes if name.startswith("on") or name in {"src", "style"}]
    assert {value[0] for name, value in attributes if name == "href"} == {"#"}
    policy = next(value for _, value in attributes if value.startswith("default-src"))
    assert "default-src 'none'" in policy
    assert f"script-src '{hash_source(read_part('page.js'))}'" in policy
    assert "unsafe" not in policy


def test_every_link_and_label_has_its_place() -> None:
    found = Elements(PAGE).found

    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    links = {a["href"] for tag, a in found if tag == "a"}
    assert len(ids) == len(set(ids))
    assert {str(link).removeprefix("#") for link in links} <= set(ids)
    assert all("aria-label" in attributes for tag, attributes in found if tag == "svg")


def test_two_groups_stand_side_by_side() -> None:
    assert "rules 01234567 beside rules 89abcdef" in PAGE
    assert '<th scope="row">echo</th><td>7</td><td>0</td>' in PAGE
    assert "Acceptance" not in render_page(replace(CONTENT, comparison=None))


def test_the_same_content_makes_the_same_page() -> None:
    assert render_page(CONTENT) == PAGE


def test_a_long_line_is_whole_and_what_is_left_out_is_said() -> None:
    assert "x" * 100_000 in PAGE
    assert "1,234 more characters are not shown" in PAGE


def test_a_page_of_nothing_says_so() -> None:
    page = render_page(EMPTY)

    assert "No dialogue has been asked for so far" in page
    assert "No wave has been committed so far" in page
    assert "<table>" not in page


def test_turns_are_told_apart_by_their_speakers() -> None:
    page = render_dialogue("Intro.\n\nAnna: One.\n\nBen: Two.\n\nAnna: Three.")

    classes = [part.split('"')[0] for part in page.split('class="')[1:]]
    assert classes == ["turn", "turn voice0", "turn voice1", "turn voice0"]


@pytest.mark.parametrize(
    ("value", "told"), [(None, "-"), (0, "0%"), (1, "100%"), (0.999, "99.9%"), (0.5, "50.0%")]
)
def test_shares_are_percentages(value: float | None, told: str) -> None:
    assert tell_share(value) == told
