"""Charts are well-formed pictures that also say in words what they show."""

from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from udfs.report.charts import LABEL, VALUE, WIDTH, draw_bars, draw_histogram, draw_series
from udfs.report.content import Histogram, Measure

MEASURE = Measure("Turns", "Of all.", 2, 4)


def read(picture: Markup) -> ET.Element:
    return ET.fromstring(picture)


def find_heights(picture: Markup, kind: str) -> list[float]:
    found = read(picture).findall(f".//rect[@class='{kind}']")
    return [float(rect.get("height", "")) for rect in found]


def test_bars_are_as_long_as_their_part_of_the_greatest() -> None:
    picture = draw_bars("Funnel", [("asked", 200), ("ok", 50), ("none", 0)])

    widths = [float(r.get("width", "")) for r in read(picture).findall("rect[@class='bar']")]
    assert widths == [WIDTH - LABEL - VALUE, (WIDTH - LABEL - VALUE) / 4, 0]
    assert read(picture).get("aria-label") == "Funnel: asked 200; ok 50; none 0"


def test_a_histogram_puts_what_was_not_accepted_on_top() -> None:
    picture = draw_histogram(Histogram(MEASURE, (2, 0, 0, 1), (2, 0, 0, 0)))

    assert find_heights(picture, "bar") == [55, 27.5]
    assert find_heights(picture, "other") == [55, 0]
    assert read(picture).get("aria-label") == (
        "Turns: 0 to 2: 2 accepted, 2 not accepted; 6 and more: 1 accepted, 0 not accepted"
    )


@pytest.mark.parametrize(
    "picture",
    [
        draw_bars("A", []),
        draw_bars("A", [("x", 0)]),
        draw_histogram(Histogram(MEASURE, (0,) * 4, (0,) * 4)),
        draw_series("A", [], "{}"),
        draw_series("A", [("now", 0.0)], "{:.1f}"),
    ],
)
def test_of_nothing_there_is_a_picture_too(picture: Markup) -> None:
    assert read(picture).get("role") == "img"


def test_labels_are_text() -> None:
    picture = draw_bars('"><script>', [("<b>&", 1)])

    assert "<script>" not in picture
    assert read(picture).findtext("text") == "<b>&"
