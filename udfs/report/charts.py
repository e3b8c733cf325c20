"""Charts as inline SVG, drawn for 360 pixels so that a phone shows them whole.

Each has a name and a description in words for who cannot see it. Colours come from the page's
classes, and no element has a `style`, which the page's policy forbids.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from udfs.report.content import Histogram

WIDTH = 360
LABEL, VALUE = 132, 74  # of a line with a bar: left of it, right of it
LINE = 24
PLOT = 110  # height of what stands on an axis


def draw_bars(title: str, values: Sequence[tuple[str, float]], form: str = "{:,.0f}") -> Markup:
    """A line for each value with a bar as long as its part of the greatest."""
    most, room = max((value for _, value in values), default=0), WIDTH - LABEL - VALUE
    lines = (
        draw_line(index, label, form.format(value), room * value / most if most else 0)
        for index, (label, value) in enumerate(values)
    )
    listed = "; ".join(f"{label} {form.format(value)}" for label, value in values)
    return draw(title, listed or "nothing so far", LINE * len(values), lines)


def draw_line(index: int, label: str, value: str, length: float) -> Markup:
    """One line: a label, a bar, a number."""
    top = index * LINE
    return Markup(
        '<text x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="track" x="{}" y="{}" width="{}" height="14" rx="3"/>'
        '<rect class="bar" x="{}" y="{}" width="{:.1f}" height="14" rx="3"/>'
        '<text x="{}" y="{}">{}</text>'
    ).format(
        *(LABEL - 8, top + 16, shorten(label), LABEL, top + 5, WIDTH - LABEL - VALUE),
        *(LABEL, top + 5, length, WIDTH - VALUE + 8, top + 16, value),
    )


def shorten(label: str) -> str:
    """A label as long as there is room for."""
    return label if len(label) <= 20 else label[:19] + "…"


def draw_histogram(histogram: Histogram) -> Markup:
    """A column for each bin: the corpus below, what is not in it on top."""
    pairs = list(zip(histogram.accepted, histogram.others, strict=True))
    most, step = max(map(sum, pairs), default=0), WIDTH / histogram.measure.bins
    columns = (
        draw_column(index, step, describe_bin(histogram, index), scale(pair, most))
        for index, pair in enumerate(pairs)
        if any(pair)
    )
    marks = [draw_axis(), *draw_marks(histogram, step), draw_most(most)]
    return draw(histogram.measure.title, describe(histogram), PLOT + 24, [*columns, *marks])


def scale(values: Iterable[float], most: float) -> list[float]:
    """Heights of values where the greatest one takes all the room."""
    return [value * PLOT / most if most else 0.0 for value in values]


def draw_column(index: int, step: float, told: str, heights: Iterable[float]) -> Markup:
    """One column of parts upon each other, with what it stands for as a tooltip."""
    parts, top = [], float(PLOT)
    for kind, height in zip(("bar", "other"), heights, strict=False):
        top -= height
        parts.append(
            Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
            ).format(kind, index * step + 1, top, max(step - 2, 1), height)
        )
    return Markup("<g><title>{}</title>{}</g>").format(told, Markup("").join(parts))


def draw_marks(histogram: Histogram, step: float) -> Iterable[Markup]:
    """The values at the axis: its begin, its middle, and where the last bin begins."""
    last = histogram.measure.bins - 1
    for index, anchor in ((0, "start"), (last // 2, "middle"), (last, "end")):
        place = WIDTH if anchor == "end" else index * step
        told = tell(index * histogram.measure.width) + (" +" if anchor == "end" else "")
        yield Markup('<text class="mark" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
            place, PLOT + 17, anchor, told
        )


def draw_most(most: int) -> Markup:
    """How many the highest column stands for."""
    return Markup('<text class="mark" x="{}" y="11" text-anchor="end">max {:,}</text>').format(
        WIDTH, most
    )


def draw_axis() -> Markup:
    """The line that columns stand on."""
    return Markup('<path class="axis" d="M0 {}H{}"/>').format(PLOT, WIDTH)


def describe_bin(histogram: Histogram, index: int) -> str:
    """What a bin holds, in words."""
    low = tell(index * histogram.measure.width)
    high = tell((index + 1) * histogram.measure.width)
    place = f"{low} and more" if index == histogram.measure.bins - 1 else f"{low} to {high}"
    return (
        f"{place}: {histogram.accepted[index]:,} accepted, {histogram.others[index]:,} not accepted"
    )


def describe(histogram: Histogram) -> str:
    """A histogram in words: how many there are, and every bin that holds some."""
    bins = range(histogram.measure.bins)
    held = [describe_bin(histogram, i) for i in bins if histogram.accepted[i] + histogram.others[i]]
    return "; ".join(held) or "nothing so far"


def tell(value: float) -> str:
    """A value at an axis: whole, or with as few digits as it needs."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.2f}".rstrip("0")


def draw_series(title: str, values: Sequence[tuple[str, float]], form: str) -> Markup:
    """A column for each of some moments, the oldest first."""
    most, step = max((value for _, value in values), default=0.0), WIDTH / max(len(values), 12)
    columns = (
        draw_column(index, step, f"{moment}: {form.format(value)}", scale([value], most))
        for index, (moment, value) in enumerate(values)
    )
    told = Markup('<text class="mark" x="0" y="{}">max {}</text>').format(
        PLOT + 17, form.format(most)
    )
    listed = "; ".join(f"{moment} {form.format(value)}" for moment, value in values)
    return draw(title, listed or "nothing so far", PLOT + 24, [*columns, draw_axis(), told])


def draw(title: str, description: str, height: float, parts: Iterable[Markup]) -> Markup:
    """A picture with its name and its description in words."""
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}: {}">').format(
        WIDTH, max(height, 1), title, description
    )
    return Markup("").join([head, *map(escape, parts), Markup("</svg>")])
