"""The page: a report's content in, one self-contained HTML text out.

Jinja escapes everything that is no Markup, and Markup is made in `math` and `charts` alone. The
page's policy names its one script and its one style sheet by their hashes, so nothing else could
run or load even if it were there.
"""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from udfs.dialogue.turns import parse_turns
from udfs.report.charts import draw_bars, draw_histogram, draw_series
from udfs.report.content import Comparison, Content, Period, ReasonCount, Sample
from udfs.report.math import render_text

VOICES = 6  # colours at the edge of turns; later speakers share one
ACCEPTED, REJECTED = "accepted", "rejected"


def render_page(content: Content) -> str:
    """The whole page."""
    style, script = read_part("style.css"), read_part("page.js")
    return (
        make_environment()
        .get_template("page.html.jinja")
        .render(
            content=content,
            style=Markup(style),  # noqa: S704 - a file of ours
            script=Markup(script),  # noqa: S704 - a file of ours
            style_hash=hash_source(style),
            script_hash=hash_source(script),
            gates=tabulate([reason for reason in content.reasons if reason.gate]),
            tags=tabulate([reason for reason in content.reasons if not reason.gate]),
            names=[funnel.style for funnel in content.styles],
            compared=count_compared(content.comparison),
            sampled=list_sampled(content.samples),
        )
    )


def make_environment() -> Environment:
    """Jinja with this package's templates, everything escaped and every name known."""
    environment = Environment(
        loader=FunctionLoader(read_part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        text=render_text, percent=tell_percent, number=tell_number, share=tell_share
    )
    environment.globals.update(
        draw_bars=draw_bars,
        draw_histogram=draw_histogram,
        draw_periods=draw_periods,
        list_stages=list_stages,
        render_dialogue=render_dialogue,
        verdict=name_verdict,
    )
    return environment


def read_part(name: str) -> str:
    """A file of this package, also where the package lies in a .zip."""
    return (files("udfs.report") / name).read_text(encoding="utf-8")


def hash_source(text: str) -> str:
    """A script or style sheet as the page's policy names it."""
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def tabulate(reasons: Sequence[ReasonCount]) -> dict[str, dict[str, int]]:
    """Counts by reason and style, the commonest reason first."""
    table: dict[str, dict[str, int]] = defaultdict(dict)
    for row in reasons:
        table[row.reason][row.style] = row.dialogues
    return dict(sorted(table.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def count_compared(comparison: Comparison | None) -> dict[str, dict[str, int]]:
    """Counts of gates by reason and group, summed over styles; none without a comparison."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for side in (comparison.left, comparison.right) if comparison else ():
        for row in side.reasons:
            if row.gate:
                counts[row.reason][side.name] += row.dialogues
    return {reason: dict(counts[reason]) for reason in sorted(counts)}


def list_sampled(samples: Sequence[Sample]) -> list[str]:
    """The reasons for which some sample was rejected, to choose from."""
    return sorted({reason for sample in samples for reason in sample.reasons})


def list_stages(content: Content) -> list[tuple[str, int]]:
    """The funnel of all styles together."""
    total = content.total
    return [
        ("asked", total.asked),
        ("with a text", total.ok + total.length),
        ("ended by itself", total.ok),
        ("judged", total.judged),
        ("passed all gates", total.passed),
        ("accepted", total.accepted),
    ]


def draw_periods(title: str, periods: Sequence[Period], name: str, form: str) -> Markup:
    """One of a period's values over time."""
    values = [(f"{p.ended_at:%Y-%m-%d %H:%M}", float(getattr(p, name))) for p in periods]
    return draw_series(title, values, form)


def render_dialogue(text: str) -> Markup:
    """A dialogue turn by turn; what stands before the first turn is a paragraph without a voice."""
    turns = parse_turns(text)
    speakers = dict.fromkeys(turn.speaker for turn in turns)
    voices = {speaker: number % VOICES for number, speaker in enumerate(speakers)}
    head = text[: turns[0].start] if turns else text
    parts = [Markup('<p class="turn">{}</p>').format(render_text(head))] if head.strip() else []
    parts += [
        Markup('<p class="turn voice{}">{}</p>').format(
            voices[turn.speaker], render_text(text[turn.start : turn.end].rstrip())
        )
        for turn in turns
    ]
    return Markup("").join(parts)


def name_verdict(sample: Sample) -> str:
    """The word that the filter of the page knows."""
    return ACCEPTED if sample.accepted else REJECTED


def tell_number(value: float | None) -> str:
    """A number with separators, a dash where none is known."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def tell_share(value: float | None) -> str:
    """A part of 1 as a percentage, a dash where none is known."""
    return "-" if value is None else f"{value:.0%}" if value in {0, 1} else f"{value:.1%}"


def tell_percent(part: float, whole: float) -> str:
    """A part of a whole as a percentage, a dash of nothing."""
    return tell_share(part / whole if whole else None)
