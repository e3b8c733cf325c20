"""Backfills as people run them: estimated, guarded, in parts, maintained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import estimate, generate
from spark_jobs.core.forecast import PROMPT_OVERHEAD
from spark_jobs.core.tables import WAVES
from tests.simulated import SimulatedEngine
from udfs.errors import UsageError

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLES = 'generate.styles=["debate", "interview"]'
ALL = "generate.limit_chunks=0"
PAGES = [
    {"url": f"https://math.example/{n}", "text": f"Page {n}: it is {n}.", "date": f"2023-01-{n:02}"}
    for n in range(1, 21)
]


@pytest.fixture
def prepare(make_run: Any, make_corpus: Callable[..., None], engine: SimulatedEngine) -> Any:
    """Ingests and chunks the pages, then makes runs: `prepare(job, *settings)`."""
    make_corpus(*PAGES)
    return lambda job, *settings: make_run(job, *engine.settings, STYLES, ALL, *settings)


def test_an_estimate_from_presets_says_so_and_asks_for_nothing(
    prepare: Any, engine: SimulatedEngine
) -> None:
    result = estimate.run(prepare("estimate", "cost.million_output_tokens=10"))

    assert (result["pending"], result["basis"]) == (40, "presets")
    assert {name: found["dialogues"] for name, found in result["styles"].items()} == {
        "debate": 20,
        "interview": 20,
    }
    assert result["cost"]["low"] > 0
    assert engine.requests == []


def test_a_style_that_shows_the_page_in_parts_is_estimated_with_the_page_twice(
    prepare: Any,
) -> None:
    styles = 'generate.styles=["debate", "inpainting"]'
    found = estimate.run(prepare("estimate", styles))["styles"]

    once, twice = (found[style]["input_tokens"] for style in ("debate", "inpainting"))
    pages = once - found["debate"]["dialogues"] * PROMPT_OVERHEAD
    assert twice - once == pages > 0


def test_an_estimate_weighs_what_each_host_stages_and_counts_its_time_once(
    prepare: Any, tmp_path: Path
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.safetensors").write_bytes(bytes(1000))
    rate = "estimate.weights_gigabytes_per_second=[1e-9, 1e-8]"
    staged = ("engine.recipe=vllm", f"engine.weights={tmp_path / 'm'}", rate)
    result = estimate.run(prepare("estimate", *staged))

    assert result["weights"]["bytes_per_host"] == 1000
    assert (result["weights"]["seconds"]["low"], result["weights"]["seconds"]["high"]) == (
        100,
        1000,
    )
    asking = sum(style["seconds"]["low"] for style in result["styles"].values())
    assert result["seconds"]["low"] == pytest.approx(asking + 100, rel=1e-3)


def test_weights_that_the_driver_cannot_see_are_said_and_left_out(
    prepare: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    staged = ("engine.recipe=vllm", "engine.weights=/nowhere/model")

    assert estimate.run(prepare("estimate", *staged))["weights"] is None
    assert "/nowhere/model cannot be read" in capsys.readouterr().err


def test_what_a_pilot_expects_is_what_the_rest_then_takes(
    prepare: Any, engine: SimulatedEngine
) -> None:
    result = estimate.run(prepare("estimate", "estimate.pilot=6"))
    assert len(engine.requests) == 12

    rest = generate.run(prepare("generate"))

    assert (result["basis"], result["pending"]) == ("measured", rest["pending"])
    expected = result["output_tokens"]
    # To the four digits that a result has.
    assert 0.999 * expected["low"] <= rest["completion_tokens"] <= 1.001 * expected["high"]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("generate.max_requests=39", r"40 dialogues are pending, generate\.max_requests is 39"),
        ("generate.max_new_spec_requests=39", r"never seen \(debate, interview\)"),
        ("generate.max_cost=0.001", r"generate\.max_cost is"),
    ],
)
def test_the_budget_guard_asks_first(
    prepare: Any, engine: SimulatedEngine, limit: str, message: str
) -> None:
    prices = "cost.million_output_tokens=10"

    with pytest.raises(UsageError, match=message):
        generate.run(prepare("generate", limit, prices))

    assert engine.requests == []


def test_who_confirms_gets_what_the_guard_kept_back(prepare: Any) -> None:
    result = generate.run(prepare("generate", "generate.max_requests=1", "generate.confirmed=true"))

    assert result["status"] == {"ok": 40}


def test_parts_by_condition_by_buckets_and_by_waves_make_the_whole(
    prepare: Any, engine: SimulatedEngine
) -> None:
    dated = generate.run(prepare("generate", "generate.where=date <= '2023-01-05'"))
    one_wave = ["generate.wave_requests=8", "generate.max_waves=1", "generate.buckets=0-40000"]
    wave = generate.run(prepare("generate", *one_wave))
    rest = generate.run(prepare("generate"))

    assert dated["requests"] == 10
    assert 0 < wave["requests"] < wave["pending"] < 30
    assert dated["requests"] + wave["requests"] + rest["requests"] == len(engine.requests) == 40


def test_a_condition_that_is_none_is_refused(prepare: Any) -> None:
    with pytest.raises(UsageError, match=r"generate\.where is no condition"):
        generate.run(prepare("generate", "generate.where=nonsense > 3"))


def test_the_ledger_has_every_wave_and_its_views_answer(prepare: Any) -> None:
    run = prepare("generate", "generate.wave_requests=16")
    result = generate.run(run)

    rows = run.warehouse.read(WAVES).collect()
    assert len(rows) == result["waves"] >= 2
    assert sum(row["dialogues"] for row in rows) == sum(row["pending"] for row in rows) == 40
    assert {row["status"] for row in rows} == {"done"}
    versions = [row["committed_version"] for row in rows]
    assert len(set(versions)) == len(rows)
    progress = run.spark.table("ops.progress").collect()
    assert [(row["ok"], row["chunks"]) for row in progress] == [(20, 20), (20, 20)]
    assert run.spark.table("ops.failures").count() == 0
    assert run.spark.table("ops.cost").collect()[0]["dialogues"] == 40
