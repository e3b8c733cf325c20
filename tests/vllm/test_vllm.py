"""The real vLLM server under its own recipe: answers, shared prefixes, closed doors, deaths."""

import asyncio
import json
import re
import signal
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from spark_jobs.core.settings import CONF
from spark_jobs.core.tables import ATTEMPTS
from tests.engine.conftest import (
    ask,
    find_running,
    listening_addresses,
    post,
    processes_of,
    wait_until,
)
from udfs.dialogue.control_tokens import break_all_control_tokens
from udfs.dialogue.specs import Spec
from udfs.dialogue.styles import load_styles
from udfs.engine.client import EngineClient
from udfs.engine.generation import GenerationJob, generate
from udfs.engine.outcomes import Outcome
from udfs.engine.recipes import EnginePlan
from udfs.engine.sidecar import Engine, attach
from udfs.engine.supervisor import UnixConnection
from udfs.keys import content_key
from udfs.text.chunking import chunk_page
from udfs.text.tokens import TokenCounter

SERVER, CORE, WORKER = "vllm.entrypoints.openai.api_server", "VLLM::EngineCore", "VLLM::Worker"
CHUNKS = 6


def find(plan: EnginePlan, name: str) -> list[psutil.Process]:
    """The engine's processes of a name."""
    return find_running(Path(plan.directory), name)


def make_specs(*, max_tokens: int, with_opening: bool = False) -> dict[str, Spec]:
    """All seven styles, a few words of each."""
    sampling: dict[str, float] = {"max_tokens": max_tokens}
    specs = [
        Spec(style, "$document\n\n$instruction", with_opening, "tiny", "", "", sampling)
        for style in load_styles(CONF / "prompts").values()
    ]
    return {spec.spec_id: spec for spec in specs}


def make_rows(texts: list[str], specs: dict[str, Spec]) -> list[dict[str, Any]]:
    """Chunk rows with all their dialogues missing."""
    missing = [{"spec_id": spec_id, "sample": 0} for spec_id in specs]
    fixed = {"bucket": 0, "slice": 0, "missing": missing}
    keys = [content_key(text) for text in texts]
    return [
        {"chunk_id": key, "doc_id": key, "text": text, **fixed}
        for key, text in zip(keys, texts, strict=True)
    ]


def sample_chunks(tokenizer: str) -> list[str]:
    """Pieces of the sample's pages, of 500 tokens at most."""
    counter = TokenCounter.from_json(tokenizer)
    lines = (CONF / "sample" / "pages.jsonl").read_text(encoding="utf-8").splitlines()
    pages = (json.loads(line)["text"] for line in lines)
    pieces = (page[c.start : c.end] for page in pages for c in chunk_page(page, counter, 500))
    return list(islice((piece for piece in pieces if len(piece) > 800), CHUNKS))


def block_size(engine: Engine) -> int:
    """Tokens of a block of the prefix cache: the unit in which prompts can share."""
    connection = UnixConnection(Path(engine.socket))
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    found = re.search(r'cache_config_info\{.*block_size="(\d+)"', page)
    assert found
    return int(found[1])


def prompt_ids(engine: Engine, messages: list[dict[str, str]]) -> list[int]:
    """A prompt as the model sees it, the chat template's own tokens included."""
    return list(post(engine, "/tokenize", {"model": "tiny", "messages": messages})["tokens"])


def count_sharable(prompts: list[list[int]], block: int) -> int:
    """Tokens that a cache without limits gives: the longest block-aligned prefix seen before.

    The last token is always computed, since its output is wanted.
    """
    seen: set[tuple[int, ...]] = set()
    shared = 0
    for ids in prompts:
        prefixes = [tuple(ids[:end]) for end in range(block, len(ids) + 1, block)]
        shared += max((len(p) for p in prefixes if p in seen and len(p) < len(ids)), default=0)
        seen.update(prefixes)
    return shared


def test_vllm_answers_in_the_paper_s_way_of_asking(vllm_plan: EnginePlan) -> None:
    engine = attach(vllm_plan)

    outcome = ask(vllm_plan, engine)

    assert outcome.status in {"ok", "length"}
    assert (outcome.prompt_tokens, outcome.completion_tokens) > (10, 0)
    assert outcome.engine == engine.version == "0.32.0"


def test_an_opening_is_continued(vllm_plan: EnginePlan) -> None:
    engine = attach(vllm_plan)
    spec = next(iter(make_specs(max_tokens=16, with_opening=True).values()))
    messages = spec.messages("A prime has exactly two divisors.")

    async def complete() -> Outcome:
        async with EngineClient(vllm_plan, engine) as client:
            return await client.complete(messages, spec.sampling)

    outcome = asyncio.run(complete())
    opening = messages[-1]["content"]
    assert outcome.text.startswith(opening)
    assert len(outcome.text) > len(opening)
    assert opening not in outcome.text[len(opening) :]


def test_the_seven_styles_of_a_chunk_share_its_tokens(
    vllm_plan: EnginePlan,
    embedded_tokenizer: str,
    tmp_path: Path,
    record_line: Callable[[str, str], None],
) -> None:
    engine, specs = attach(vllm_plan), make_specs(max_tokens=4)
    rows = make_rows(sample_chunks(embedded_tokenizer), specs)
    folder, schema = str(tmp_path), ATTEMPTS.arrow_schema()
    job = GenerationJob(vllm_plan, specs, 32, 32, "run", "wave", folder, 2.0, "", 5.0, schema)

    batches = list(generate([pa.RecordBatch.from_pylist(rows)], job, partition=0))

    attempts = [attempt for batch in batches for attempt in batch.to_pylist()]
    cached, asked = (sum(a[n] for a in attempts) for n in ("cached_tokens", "prompt_tokens"))
    block = block_size(engine)
    prompts = [prompt_ids(engine, s.messages(r["text"])) for r in rows for s in specs.values()]
    ceiling = count_sharable(prompts, block) / sum(map(len, prompts))
    record_line(
        "prefix cache of vLLM",
        f"{cached / asked:.3f} of {asked} prompt tokens, ceiling {ceiling:.3f} in blocks of {block}"
        f" ({count_sharable(prompts, 16) / asked:.3f} in blocks of 16)",
    )
    assert len(attempts) == CHUNKS * len(specs)
    assert asked == sum(map(len, prompts))
    assert cached / asked >= 0.97 * ceiling


def test_a_page_of_every_special_token_is_only_text_to_vllm(vllm_plan: EnginePlan) -> None:
    engine = attach(vllm_plan)
    page = "Let " + " ".join(engine.control_tokens) + " be given."
    cleaned, changed = break_all_control_tokens(page, engine.control_tokens)
    special = {
        number
        for token in engine.control_tokens
        for number in post(
            engine,
            "/tokenize",
            {"model": "tiny", "prompt": token, "add_special_tokens": False},
        )["tokens"]
    }

    def special_ids(document: str) -> list[int]:
        ids = prompt_ids(engine, [{"role": "user", "content": document}])
        return [number for number in ids if number in special]

    assert changed
    assert len(special) == len(engine.control_tokens) == 17
    assert len(special_ids(page)) > 17
    assert special_ids(cleaned) == special_ids("Let x be given.")


def test_vllm_can_be_reached_by_its_socket_only(vllm_plan: EnginePlan) -> None:
    engine = attach(vllm_plan)

    # What torch meets its own workers on; it speaks no HTTP and takes no prompts.
    assert set(listening_addresses(vllm_plan)) <= {"127.0.0.1"}
    assert [c for p in find(vllm_plan, SERVER) for c in p.net_connections(kind="tcp")] == []
    assert Path(engine.socket).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.fault("a process of vLLM dies: server or core", "all of it is started again")
@pytest.mark.parametrize("victim", [SERVER, CORE])
def test_whatever_part_of_it_dies_one_engine_comes_back_and_answers(
    vllm_plan: EnginePlan, victim: str
) -> None:
    engine = attach(vllm_plan)
    before = {process.pid for process in processes_of(vllm_plan)}
    find(vllm_plan, victim)[0].kill()

    assert ask(vllm_plan, engine).status in {"ok", "length"}
    assert attach(vllm_plan).starts == engine.starts + 1
    assert [len(find(vllm_plan, name)) for name in (SERVER, CORE, WORKER)] == [1, 1, 1]
    assert len(before & {process.pid for process in processes_of(vllm_plan)}) == 1  # the supervisor


@pytest.mark.fault("vLLM's engine core hangs", "started again after `engine.stall_timeout`")
def test_an_engine_core_that_hangs_behind_a_healthy_server_is_replaced(
    vllm_plan: EnginePlan,
) -> None:
    engine = attach(vllm_plan)
    find(vllm_plan, CORE)[0].send_signal(signal.SIGSTOP)

    assert ask(vllm_plan, engine).status in {"ok", "length"}
    assert attach(vllm_plan).starts == engine.starts + 1
    assert len(find(vllm_plan, CORE)) == 1
    log = (Path(engine.directory) / "supervisor.log").read_text(encoding="utf-8")
    assert "engine.stall_timeout" in log


@pytest.mark.fault(
    "the supervisor of a vLLM is killed", "its orphans are ended, one engine is started"
)
def test_a_killed_supervisor_leaves_no_second_engine(vllm_plan: EnginePlan) -> None:
    engine = attach(vllm_plan)
    core = find(vllm_plan, CORE)[0]
    find(vllm_plan, "udfs.engine.supervisor")[0].kill()

    assert ask(vllm_plan, engine).status in {"ok", "length"}
    assert not core.is_running()
    assert [len(find(vllm_plan, name)) for name in (SERVER, CORE, WORKER)] == [1, 1, 1]


def test_the_end_of_its_supervisor_ends_every_process_of_vllm(vllm_plan: EnginePlan) -> None:
    attach(vllm_plan)
    supervisor = find(vllm_plan, "udfs.engine.supervisor")[0]
    supervisor.terminate()

    assert wait_until(lambda: not processes_of(vllm_plan), 15)
    assert not list(Path(vllm_plan.directory).iterdir())
