"""A report's content as tests of the page want it, with texts that try to break out of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from udfs.report.content import (
    Comparison,
    Content,
    Corpus,
    Duplicates,
    Funnel,
    Histogram,
    Measure,
    Opening,
    Period,
    ReasonCount,
    Sample,
    Side,
    StyleMeans,
    StylePair,
)

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = (
    "<script>document.title = 'broken'</script></style></script></details></title>"
    '<img src=x onerror="document.title=1"> \'"><svg onload=alert(1)> {{ 7 * 7 }}'
)
GOOD = (
    "**Teacher:** What is $\\frac{a_{1}}{b} \\le \\sqrt{2}$, and why?\n\n"
    "**Student:** Because\n$$\\sum_{n=1}^{\\infty} \\frac{1}{n^2} = \\frac{\\pi^2}{6}$$\n"
    "so `x < y` and \\begin{align} a &= b \\\\ c &= d \\end{align} hold.\n\n"
    "**Teacher:** It cost $5 and $6. What of $\\text{<script>alert(1)</script>}$?"
)
BROKEN = "A: $\\frac{1}$ and $\\href{javascript:alert(1)}{x}$ and $\\newcommand{\\a}{b}\\a$."
FUNNEL = Funnel("", "", "", 40, 100, 80, 15, 95, 70, 65, 42_000)
SAMPLE = Sample(
    "abcdef0123456789",
    "debate",
    accepted=True,
    reasons=(),
    tags=("preamble",),
    model="model",
    url="https://math.example/1",
    chunk_tokens=310,
    tokens=420,
    preamble="Here is the conversation:\n",
    text=GOOD,
    source=GOOD,
)
SAMPLES = (
    SAMPLE,
    replace(SAMPLE, gen_key="1" * 16, style="interview", text=BROKEN),
    replace(
        SAMPLE,
        gen_key="2" * 16,
        accepted=False,
        reasons=("echo", "false_arithmetic"),
        text=HOSTILE,
        source=HOSTILE,
        url=HOSTILE,
        model=HOSTILE,
        preamble=HOSTILE,
    ),
    replace(
        SAMPLE,
        gen_key="3" * 16,
        style="interview",
        accepted=False,
        reasons=("repetition",),
        text="x" * 100_000,
        source="$" + "x+" * 50_000 + "$",
        text_left_out=1_234,
    ),
)
MEASURES = (
    Measure("Tokens out", "By the engine's own count.", 100, 20),
    Measure("Words copied", "Part of the dialogue's words.", 0.05, 20),
    Measure("Speakers", "Who has a turn.", 1, 8),
)
CONTENT = Content(
    made_at=MOMENT,
    run_id="0123456789abcdef",
    currency="USD",
    samples_each=3,
    corpus=Corpus(20, 45, 5, "v3-500-0123456789abcdef", "fedcba9876543210"),
    total=FUNNEL,
    styles=tuple(replace(FUNNEL, style=name) for name in ("debate", "interview")),
    specs=(replace(FUNNEL, style="debate", spec_id="9" * 32, model="model"),),
    statuses={"ok": 80, "length": 15, "engine_error": 5},
    reasons=(
        ReasonCount("debate", "echo", gate=True, dialogues=7),
        ReasonCount("interview", "repetition", gate=True, dialogues=2_345),
        ReasonCount("debate", "false_arithmetic", gate=True, dialogues=1),
        ReasonCount("debate", "new_numbers", gate=False, dialogues=12),
    ),
    histograms=tuple(
        Histogram(
            measure,
            tuple((n * 7) % 23 for n in range(measure.bins)),
            tuple((n * 5) % 11 for n in range(measure.bins)),
        )
        for measure in MEASURES
    ),
    means=(StyleMeans("debate", 310, 420, 1.35, 9, 2, 0.08, 0.12, None, 1, 31, 2, 4),),
    duplicates=(Duplicates("debate", 3, 0.81),),
    pairs=(StylePair("model", "debate", "interview", 40, 0.12, 0.02),),
    openings=(Opening("debate", "model", 65, 0.7, HOSTILE, 0.1),),
    periods=tuple(
        Period(
            MOMENT + timedelta(hours=n),
            MOMENT + timedelta(hours=n + 1),
            waves=2,
            dialogues=90,
            prompt_tokens=9_000,
            cached_tokens=600 * n,
            completion_tokens=30_000 + 1_000 * (n % 7),
            seconds=3_600.0,
            cost=2.5,
        )
        for n in range(14)
    ),
    samples=SAMPLES,
    comparison=Comparison(
        Side(
            "rules 01234567", FUNNEL, (ReasonCount("debate", "echo", gate=True, dialogues=7),), ()
        ),
        Side("rules 89abcdef", FUNNEL, (), ()),
        ((SAMPLE, replace(SAMPLE, accepted=False, reasons=("echo",), text=GOOD + HOSTILE)),),
    ),
)
EMPTY = Content(
    made_at=MOMENT,
    run_id="0123456789abcdef",
    currency="USD",
    samples_each=3,
    corpus=Corpus(0, 0, 0, None, None),
    total=replace(
        FUNNEL, chunks=0, asked=0, ok=0, length=0, judged=0, passed=0, accepted=0, accepted_tokens=0
    ),
    styles=(),
    specs=(),
    statuses={},
    reasons=(),
    histograms=(),
    means=(),
    duplicates=(),
    pairs=(),
    openings=(),
    periods=(),
)
