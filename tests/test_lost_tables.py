"""Tables that somebody removed or damaged: a job says which, and goes on from what is there."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import chunk, generate
from spark_jobs import filter as filter_job
from spark_jobs.core.runs import Run, execute
from spark_jobs.core.settings import load_settings
from spark_jobs.core.tables import TABLES
from tests.simulated import SimulatedEngine, run_simulated
from udfs.errors import JobError, UsageError

pytestmark = [pytest.mark.spark, pytest.mark.engine]
PAGES = 4
STYLE = 'generate.styles=["debate"]'


def forget_names(spark: Any) -> None:
    """As another process: no table has a name yet."""
    names = spark._jsparkSession.sessionState().catalog().externalCatalog()
    for table in TABLES:
        if names.databaseExists(table.layer):
            names.dropTable(table.layer, table.name, *(True, False))  # its files stay


@pytest.fixture(scope="module")
def whole(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables with pages, chunks, dialogues and verdicts."""
    from spark_jobs import ingest

    folder = tmp_path_factory.mktemp("whole")
    pages = [f'{{"url": "{n}", "text": "Page {n}: it is {n}."}}' for n in range(PAGES)]
    (folder / "pages.jsonl").write_text("\n".join(pages))
    common = [f"tables.root={folder}/warehouse", STYLE]
    with run_simulated() as engine:
        common += [*engine.settings, f"ingest.input={folder}/pages.jsonl"]
        run = Run("pipeline", load_settings("local", assignments=common), spark)
        for job in (ingest, chunk, generate, filter_job):
            job.run(run)
    return folder / "warehouse"


@pytest.fixture
def root(whole: Path, spark: Any, tmp_path: Path) -> Iterator[Path]:
    """A copy of them to do harm to."""
    yield Path(shutil.copytree(whole, tmp_path / "warehouse"))
    forget_names(spark)


@pytest.fixture
def do(root: Path, spark: Any, engine: SimulatedEngine) -> Callable[..., Any]:
    """Does a job as a process of its own would: `do(filter_job, "section.key=value")`."""

    def work(job: Any, *settings: str) -> Any:
        forget_names(spark)
        assignments = [f"tables.root={root}", *engine.settings, STYLE, *settings]
        name = job.__name__.rpartition(".")[2]
        return execute(Run(name, load_settings("local", assignments=assignments), spark), job.run)

    return work


@pytest.mark.fault(
    "the folder of a table is deleted by hand",
    "the job names it and what losing it means, before it asks for anything",
)
@pytest.mark.parametrize(
    ("table", "meaning"),
    [
        ("raw/documents", "it has none until they are ingested again"),
        ("raw/withdrawn", "pages that were withdrawn come back"),
        ("raw/chunks", "no dialogue is wanted until chunk has made the same chunks again"),
        ("ops/specs", "which wording of a prompt is the newest"),
        ("synthetic/attempts", "every dialogue is asked for and paid for again"),
    ],
)
def test_a_lost_table_is_named_before_anything_is_asked(
    do: Callable[..., Any], root: Path, engine: SimulatedEngine, table: str, meaning: str
) -> None:
    shutil.move(root / table, root / "elsewhere")

    with pytest.raises(JobError, match=f"{table.replace('/', '.')}: .*{meaning}") as lost:
        do(generate)

    assert f"--set 'tables.make_anew=[\"{table.replace('/', '.')}\"]'" in str(lost.value)
    assert engine.requests == []
    assert not (root / table).exists()


def test_a_lost_table_that_is_brought_back_is_as_it_was(do: Callable[..., Any], root: Path) -> None:
    log = root / "synthetic/attempts/_delta_log"
    shutil.move(log, root / "elsewhere")
    with pytest.raises(JobError, match="has no _delta_log"):
        do(filter_job)

    shutil.move(root / "elsewhere", log)

    assert do(generate)["pending"] == 0


def test_lost_attempts_that_are_given_up_still_ask_the_budget_guard(
    do: Callable[..., Any], root: Path, engine: SimulatedEngine
) -> None:
    shutil.rmtree(root / "synthetic/attempts")
    anew = 'tables.make_anew=["synthetic.attempts"]'

    with pytest.raises(UsageError, match=r"4 dialogues are pending, generate\.max_requests is 3"):
        do(generate, anew, "generate.max_requests=3")

    assert engine.requests == []
    assert do(generate)["requests"] == PAGES


@pytest.mark.fault(
    "verdicts or accepted dialogues are deleted by hand", "made anew, without the engine"
)
def test_a_lost_table_that_comes_from_others_is_made_anew(
    do: Callable[..., Any],
    root: Path,
    spark: Any,
    engine: SimulatedEngine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = spark.read.format("delta").load(f"{root}/filtered/dialogues").select("text").collect()
    for name in ("verdicts", "dialogues"):
        shutil.rmtree(root / "filtered" / name)

    result = do(filter_job)

    assert (result["judged"], result["accepted"]) == (PAGES, PAGES)
    assert spark.table("filtered.dialogues").select("text").collect() == before
    assert engine.requests == []
    assert "filtered.verdicts was lost and is made anew" in capsys.readouterr().err


def test_lost_chunks_are_made_again_by_chunk_and_their_dialogues_count(
    do: Callable[..., Any], root: Path
) -> None:
    shutil.rmtree(root / "raw/chunks")

    assert do(chunk, 'tables.make_anew=["raw.chunks"]')["new"] == PAGES

    assert do(generate)["pending"] == 0


@pytest.mark.fault(
    "a table's log is damaged, or a file of its rows is gone",
    "the job names the table and the file; once it is back, the same command goes on",
)
@pytest.mark.parametrize("harm", ["cut off", "first entry gone"])
def test_a_damaged_log_names_its_table(do: Callable[..., Any], root: Path, harm: str) -> None:
    entries = sorted((root / "raw/chunks/_delta_log").glob("*.json"))
    if harm == "cut off":
        entries[-1].write_text(entries[-1].read_text()[:60])
        for checksum in entries[-1].parent.glob(".*.crc"):
            checksum.unlink()
    else:
        entries[0].unlink()

    with pytest.raises(JobError, match=rf"raw\.chunks .*{root}/raw/chunks"):
        do(chunk)


@pytest.mark.parametrize("harm", ["gone", "cut off"])
def test_a_file_of_rows_that_is_harmed_is_named_and_once_it_is_back_the_job_goes_on(
    do: Callable[..., Any], root: Path, harm: str
) -> None:
    file = next((root / "synthetic/attempts").glob("slice=*/part-*.parquet"))
    content = file.read_bytes()
    for checksum in file.parent.glob(".*.crc"):
        checksum.unlink()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:100])

    with pytest.raises(JobError, match=rf"synthetic\.attempts .*{file.name}"):
        do(filter_job, "filter.checks.truncated.action=off")

    file.write_bytes(content)
    assert do(filter_job, "filter.checks.truncated.action=off")["judged"] == PAGES


def test_an_unknown_table_cannot_be_made_anew(do: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=r"tables\.make_anew"):
        do(chunk, 'tables.make_anew=["raw.pages"]')
