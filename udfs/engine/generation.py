"""What a Spark task does with its chunks: ask for their missing dialogues, give back attempts."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, filterfalse
from pathlib import Path
from typing import Any

import pyarrow as pa

from udfs.batches import batch_rows
from udfs.dialogue.control_tokens import break_all_control_tokens
from udfs.dialogue.specs import Spec, generation_key
from udfs.engine.budget import Budget
from udfs.engine.client import EngineClient
from udfs.engine.outcomes import Outcome
from udfs.engine.processes import give_memory_back
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import Engine, attach
from udfs.engine.tally import Tally
from udfs.engine.window import background_loop, run_window
from udfs.errors import EngineError

Row = dict[str, Any]
BATCH_ROWS = 64  # attempts per Arrow batch: about 200 kB, so that memory stays flat
COPIED = ("chunk_id", "doc_id", "bucket", "slice")


@dataclass(frozen=True)
class GenerationJob:
    """What all tasks of a wave share.

    `window` is the requests that one task keeps under way, `engine_window` what the tasks of one
    engine keep together; `tally_seconds` how often a task says in `tally_folder` what it does, and
    looks there whether to stop.
    """

    plan: EnginePlan
    specs: Mapping[str, Spec]
    window: int
    engine_window: int
    run_id: str
    wave_id: str
    tally_folder: str
    tally_seconds: float
    schema: pa.Schema


def generate(batches: Iterable[pa.RecordBatch], job: GenerationJob) -> Iterator[pa.RecordBatch]:
    """Attempts for chunk rows, finished chunks first.

    A chunk row has the columns COPIED, `text` and `missing`, a list of (spec_id, sample). Each
    missing dialogue becomes one row, whatever happens to it. Without an engine, or once it has
    given up, the rest has no rows and stays pending; the tally then says why. A task without rows
    never asks for an engine.
    """
    rows = (row for batch in batches for row in batch.to_pylist())
    attempts = chain.from_iterable(ask_for_all(rows, job))
    return batch_rows(attempts, job.schema, size=BATCH_ROWS)


def ask_for_all(rows: Iterator[Row], job: GenerationJob) -> Iterator[list[Row]]:
    """The attempts of each chunk as soon as its last style is done."""
    first = next(rows, None)
    if first is None:
        return
    give_memory_back()
    # A task that is tried again has the same first chunk, and replaces its counts.
    tally = Tally(job.tally_folder, first["chunk_id"], seconds=job.tally_seconds)
    engine = find_engine(job.plan, tally)
    if engine is None:
        # Spark waits for ever for a task that leaves input unread.
        deque(rows, maxlen=0)
        tally.write(tally.dump())
        return

    async def connect() -> EngineClient:
        return EngineClient(job.plan, engine)

    directory = Path(engine.directory) if engine.directory else None
    with (
        Budget(directory, share=job.window, total=job.engine_window) as budget,
        background_loop() as loop,
    ):
        client = asyncio.run_coroutine_threadsafe(connect(), loop).result()
        asyncio.run_coroutine_threadsafe(tally.keep_written(), loop)
        try:
            yield from run_window(
                loop,
                filterfalse(lambda _: tally.stopped, chain([first], rows)),
                lambda row: ask_for_chunk(row, job, client, tally),
                budget=budget,
                weigh=lambda row: len(row["missing"]),
            )
        finally:
            asyncio.run_coroutine_threadsafe(client.close(), loop).result()
            tally.write(tally.dump())


def find_engine(plan: EnginePlan, tally: Tally) -> Engine | None:
    """The task's engine; None, with the reason in its tally, without one or when told to stop."""
    tally.obey()
    if tally.stopped:
        return None
    try:
        engine = attach(plan)
    except EngineError as error:
        tally.stop(str(error))
        return None
    tally.found_engine(engine.directory)
    return engine


async def ask_for_chunk(
    row: Row, job: GenerationJob, client: EngineClient, tally: Tally
) -> list[Row]:
    """All missing dialogues of one chunk, sent back to back so that they share its prefix.

    What an engine that gave up leaves unanswered is left out.
    """
    text, neutralised = break_all_control_tokens(row["text"], client.engine.control_tokens)

    async def ask(wanted: Row) -> Row | None:
        spec = job.specs[wanted["spec_id"]]
        if tally.stopped:
            return None
        try:
            outcome = await client.complete(spec.messages(text), spec.sampling)
        except EngineError as error:
            tally.stop(str(error))
            return None
        tally.add(outcome)
        return attempt_row(row, wanted, outcome, job, neutralised=neutralised)

    rows = await asyncio.gather(*(ask(wanted) for wanted in row["missing"]))
    return [answered for answered in rows if answered is not None]


def attempt_row(
    row: Row, wanted: Row, outcome: Outcome, job: GenerationJob, *, neutralised: bool
) -> Row:
    """One row of `synthetic.attempts`."""
    spec_id, sample = wanted["spec_id"], wanted["sample"]
    return {
        **{name: row[name] for name in COPIED},
        "gen_key": generation_key(row["chunk_id"], spec_id, sample),
        "spec_id": spec_id,
        "style": job.specs[spec_id].style.name,
        "sample": sample,
        "status": outcome.status,
        "finish_reason": outcome.finish_reason,
        "text": outcome.text,
        "prompt_tokens": outcome.prompt_tokens,
        "cached_tokens": outcome.cached_tokens,
        "completion_tokens": outcome.completion_tokens,
        "latency_seconds": outcome.latency,
        "attempt": outcome.attempt,
        "error_class": outcome.error_class,
        "error_message": outcome.error_message,
        "neutralised": neutralised,
        "engine": job.plan.recipe.name,
        "engine_version": outcome.engine,
        "run_id": job.run_id,
        "wave_id": job.wave_id,
        "created_at": datetime.now(UTC),
    }
