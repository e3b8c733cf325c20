"""What a Spark task does with its chunks: ask for their missing dialogues, give back attempts."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, filterfalse
from operator import itemgetter
from pathlib import Path

import pyarrow as pa

from udfs.batches import Row, batch_rows
from udfs.dialogue.control_tokens import break_all_control_tokens
from udfs.dialogue.specs import Spec, generation_key
from udfs.engine.budget import Budget
from udfs.engine.client import EngineClient
from udfs.engine.outcomes import Outcome
from udfs.engine.processes import give_memory_back
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import Engine, attach
from udfs.engine.spool import Spool
from udfs.engine.tally import Tally
from udfs.engine.window import background_loop, run_window
from udfs.errors import EngineError

BATCH_ROWS = 64  # attempts per Arrow batch: about 200 kB, so that memory stays flat
COPIED = ("chunk_id", "doc_id", "bucket", "slice")


@dataclass(frozen=True)
class GenerationJob:
    """What all tasks of a wave share.

    `window` is the requests that one task keeps under way, `engine_window` what the tasks of one
    engine keep together; `tally_seconds` how often a task says in `tally_folder` what it does, and
    looks there whether to stop. `spool_folder` is where answers are kept until the wave commits,
    empty for nowhere, and `spool_seconds` how often they are written there.
    """

    plan: EnginePlan
    specs: Mapping[str, Spec]
    window: int
    engine_window: int
    run_id: str
    wave_id: str
    tally_folder: str
    tally_seconds: float
    spool_folder: str
    spool_seconds: float
    schema: pa.Schema


def generate(
    batches: Iterable[pa.RecordBatch], job: GenerationJob, *, partition: int
) -> Iterator[pa.RecordBatch]:
    """Attempts for the chunk rows of one partition of a wave, finished chunks first.

    A chunk row has the columns COPIED, `text` and `missing`, a list of (spec_id, sample). Each
    missing dialogue becomes one row, whatever happens to it. Without an engine, or once it has
    given up, the rest has no rows and stays pending; the tally then says why. A task without rows
    never asks for an engine. What an earlier attempt at this partition had answered is not asked
    for again.
    """
    rows = (row for batch in batches for row in batch.to_pylist())
    attempts = chain.from_iterable(ask_for_all(rows, job, partition))
    return batch_rows(attempts, job.schema, size=BATCH_ROWS)


def ask_for_all(rows: Iterator[Row], job: GenerationJob, partition: int) -> Iterator[list[Row]]:
    """What earlier attempts at the task had answered, then each chunk as soon as it is done."""
    # By its partition: a task that is tried again replaces its counts.
    tally = Tally(job.tally_folder, str(partition), seconds=job.tally_seconds)
    spool = Spool(
        job.spool_folder,
        partition,
        seconds=job.spool_seconds,
        schema=job.schema,
        tally=tally,
    )
    answered = spool.replay()
    for attempt in answered.values():
        tally.add(attempt, replayed=1)
    yield list(answered.values())
    rows = filter(itemgetter("missing"), (leave_out(row, answered) for row in rows))
    first = next(rows, None)
    if first is None:
        if answered:
            tally.write(tally.dump())
        return
    give_memory_back()
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
        asyncio.run_coroutine_threadsafe(spool.keep_written(), loop)
        asker = Asker(job, client, tally, spool)
        try:
            yield from run_window(
                loop,
                filterfalse(lambda _: tally.stopped, chain([first], rows)),
                asker.ask_for_chunk,
                budget=budget,
                weigh=lambda row: len(row["missing"]),
            )
        finally:
            asyncio.run_coroutine_threadsafe(spool.flush(), loop).result()
            asyncio.run_coroutine_threadsafe(client.close(), loop).result()
            tally.write(tally.dump())


def leave_out(row: Row, answered: Mapping[str, Row]) -> Row:
    """A chunk row without what is missing no more."""
    missing = [
        wanted
        for wanted in row["missing"]
        if generation_key(row["chunk_id"], wanted["spec_id"], wanted["sample"]) not in answered
    ]
    return {**row, "missing": missing}


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


@dataclass(frozen=True)
class Asker:
    """Asks for the dialogues of one task."""

    job: GenerationJob
    client: EngineClient
    tally: Tally
    spool: Spool

    async def ask_for_chunk(self, row: Row) -> list[Row]:
        """All missing dialogues of one chunk, sent back to back so that they share its prefix.

        What an engine that gave up leaves unanswered is left out.
        """
        tokens = self.client.engine.control_tokens
        text, neutralised = break_all_control_tokens(row["text"], tokens)
        safe = {**row, "text": text, "neutralised": neutralised}
        rows = await asyncio.gather(*(self.ask(safe, wanted) for wanted in row["missing"]))
        return [attempt for attempt in rows if attempt is not None]

    async def ask(self, row: Row, wanted: Row) -> Row | None:
        """One attempt; None when nothing may be sent any more."""
        spec = self.job.specs[wanted["spec_id"]]
        if self.tally.stopped:
            return None
        try:
            outcome = await self.client.retell(spec, row["text"])
        except EngineError as error:
            self.tally.stop(str(error))
            return None
        attempt = attempt_row(row, wanted, outcome, self.job)
        self.spool.add(attempt)
        self.tally.add(attempt)
        return attempt


def attempt_row(row: Row, wanted: Row, outcome: Outcome, job: GenerationJob) -> Row:
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
        "neutralised": row["neutralised"],
        "engine": job.plan.recipe.name,
        "engine_version": outcome.engine,
        "run_id": job.run_id,
        "wave_id": job.wave_id,
        "created_at": datetime.now(UTC),
    }
