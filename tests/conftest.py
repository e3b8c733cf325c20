"""Fixtures for all tests: one Spark session, one place for tables per test, real models."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.simulated import GOOD, SCREENS_OFF, run_simulated

PROJECT = Path(__file__).parents[1]
LINES = pytest.StashKey[dict[str, list[str]]]()
FAULTS = pytest.StashKey[dict[tuple[str, str], bool]]()
MODELS = Path(os.environ.get("MIND_MODELS_DIR", PROJECT / ".cache" / "models"))
os.environ.setdefault("MIND_MODELS_DIR", str(MODELS))
if "DELTA_JARS_DIR" not in os.environ and (PROJECT / ".cache" / "jars").is_dir():
    os.environ["DELTA_JARS_DIR"] = str(PROJECT / ".cache" / "jars")

# How long a file of a heavy leg (submit.sh) takes beside others: one of Spark and an engine is 2.
LONG_LEGS = {"vllm": 4, "crashes": 3, "cluster": 3}
SLICES = 2
PROSE = "The sum of two odd numbers is even, since each leaves one over and these make a pair. "
# A JVM that lives for minutes never earns back what its better compiler takes from two cores.
QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m"
# On top of a target: what a test of a few rows needs to be quick.
QUICK_SPARK = {
    "spark.driver.defaultJavaOptions": QUICK_JVM,
    "spark.executor.defaultJavaOptions": QUICK_JVM,
    # One small file per write instead of one per partition.
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    # Fewer, shorter plans; what adaptive execution does is tested where it matters.
    "spark.sql.adaptive.enabled": "false",
    # Compiling Java for a handful of rows is a quarter of the time.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
SPARK_FOR_TESTS = {"spark.master": "local[2]", **QUICK_SPARK}


def quick_environment(**more: str) -> dict[str, str]:
    """The environment of a job in a process of its own: this one's, and what makes it quick."""
    settings = ",".join(f"spark.all.{name}={value}" for name, value in QUICK_SPARK.items())
    return {**os.environ, "PYTHONPATH": str(PROJECT), "MIND_SET": settings, **more}


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session of all tests, opened as the jobs open theirs."""
    from spark_jobs.core.session import open_session
    from spark_jobs.core.settings import load_settings

    assignments = [f"spark.all.{name}={value}" for name, value in SPARK_FOR_TESTS.items()]
    session = open_session(load_settings("local", assignments=assignments), "pipeline")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def empty_tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tables with nothing in them, to be copied: making them takes four seconds each time."""
    from spark_jobs.core.runs import Run
    from spark_jobs.core.settings import load_settings

    root = tmp_path_factory.mktemp("empty") / "warehouse"
    place = [f"tables.root={root}", f"tables.slices={SLICES}"]
    _ = Run("ingest", load_settings("local", assignments=place), spark).warehouse
    kept = shutil.copytree(root, root.with_name("kept"))
    forget_tables(spark)
    return kept


@pytest.fixture(scope="session")
def finished_tables(
    spark: Any, empty_tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Tables with something of each kind in them, to be copied.

    Eight pages of a chunk in two styles: one that the engine refused, one that calculates wrongly,
    and repeated ones; a chunk that was left out, and a row that is no page.
    """
    from spark_jobs import chunk, generate, ingest
    from spark_jobs import filter as filter_job

    folder = tmp_path_factory.mktemp("finished")
    kept = folder / "kept"
    pages = [{"url": f"https://math.example/{n}", "text": f"{PROSE * 3}{n}"} for n in range(8)]
    pages += [{"url": "https://math.example/short", "text": "Too short."}, {"url": 7, "text": None}]
    (folder / "pages.jsonl").write_text("".join(f"{json.dumps(page)}\n" for page in pages))
    screens = ("screen.enabled=true", "screen.checks.duplicate.action=off")
    with (
        runs_on(spark, folder / "warehouse", empty_tables, *screens) as make,
        run_simulated() as engine,
    ):
        answers = (GOOD, GOOD, f"{GOOD} And $3 + 4 = 9$, so $5 + 6 = 13$.")
        engine.on_request = lambda n: setattr(engine, "text", answers[n % 3])
        engine.fail = {f"{PROSE}7": 400}
        ingest.run(make("ingest", f"ingest.input={folder / 'pages.jsonl'}"))
        chunk.run(make("chunk"))
        styles = 'generate.styles=["teacher_student","two_students"]'
        generate.run(make("generate", *engine.settings, *screens, styles))
        filter_job.run(make("filter", "filter.checks.duplicate.action=gate"))
        shutil.copytree(folder / "warehouse", kept)
    return kept


def forget_tables(spark: Any) -> None:
    """Let a session forget its tables, which removes their files."""
    from spark_jobs.core.tables import LAYERS

    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA IF EXISTS {layer} CASCADE")


@pytest.fixture
def make_run(spark: Any, tmp_path: Path, empty_tables: Path) -> Iterator[Callable[..., Any]]:
    """Makes runs of jobs on tables of the test's own: `make_run("chunk", "section.key=value")`."""
    root = tmp_path / "warehouse"
    with runs_on(spark, root, empty_tables) as make:
        yield make
    shutil.rmtree(root, ignore_errors=True)


@contextmanager
def runs_on(
    spark: Any, root: Path, tables: Path, *settings_of_all: str
) -> Iterator[Callable[..., Any]]:
    """Makes runs on a copy of tables, with `make(job, *settings, options=None)`."""
    from spark_jobs.core.runs import Run
    from spark_jobs.core.settings import load_settings

    place = [f"tables.root={root}", f"tables.slices={SLICES}", *SCREENS_OFF, *settings_of_all]
    opened: dict[Any, Any] = {}

    def make(job: str, *assignments: str, options: Any = None) -> Any:
        settings = load_settings("local", assignments=[*place, *assignments])
        if settings.tables.slices == SLICES and not root.exists():
            shutil.copytree(tables, root)
        run = Run(job, settings, spark, options)
        # The tables of a test are named once.
        if settings.tables not in opened:
            opened[settings.tables] = run.warehouse
        run.__dict__["warehouse"] = opened[settings.tables]
        return run

    yield make
    forget_tables(spark)


@pytest.fixture
def write_pages(tmp_path: Path) -> Callable[..., Path]:
    """Writes a JSON Lines file of pages: `write_pages("pages.jsonl", {"text": ...}, ...)`."""

    def write(name: str, *pages: dict[str, Any]) -> Path:
        path = tmp_path / name
        defaults = {"date": None, "metadata": None}
        lines = [
            json.dumps({"url": f"https://math.example/{number}", **defaults, **page})
            for number, page in enumerate(pages)
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def kept() -> dict[str, Path]:
    """Tables that earlier tests have made, by what is in them."""
    return {}


@pytest.fixture
def make_once(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, kept: dict[str, Path]
) -> Callable[[str, Callable[[], None]], None]:
    """Makes tables that several tests begin with, for the first of them: `make_once(what, make)`.

    The others get copies. A test whose tables are there already makes its own.
    """
    root = tmp_path / "warehouse"

    def make_tables(what: str, make: Callable[[], None]) -> None:
        begins = not root.exists()
        if begins and what in kept:
            shutil.copytree(kept[what], root)
            return
        make()
        if begins:
            kept[what] = shutil.copytree(root, tmp_path_factory.mktemp("kept") / "warehouse")

    return make_tables


@pytest.fixture
def make_corpus(
    make_run: Any, make_once: Any, write_pages: Callable[..., Path]
) -> Callable[..., None]:
    """Takes pages as far as chunks: `make_corpus({"text": ...}, ...)`."""

    def read(*pages: dict[str, Any]) -> None:
        from spark_jobs import chunk, ingest

        ingest.run(make_run("ingest", f"ingest.input={write_pages('pages.jsonl', *pages)}"))
        chunk.run(make_run("chunk"))

    return lambda *pages: make_once(json.dumps(pages), partial(read, *pages))


@pytest.fixture
def make_chunks(make_corpus: Callable[..., None]) -> Callable[[int], None]:
    """Takes so many pages of one chunk each as far as chunks."""

    def make(count: int) -> None:
        make_corpus(*({"text": f"Page {n}: the square of {n} is {n * n}."} for n in range(count)))

    return make


@pytest.fixture
def engine() -> Iterator[Any]:
    """A simulated engine that notes what it is asked."""
    with run_simulated() as simulated:
        yield simulated


@pytest.fixture(scope="session")
def embedded_model() -> Path:
    """The embedded model; set up by submit.sh."""
    path = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert path.is_file(), f"{path} is not there: run ./submit.sh test, which fetches it"
    return path


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the person who runs the tests must not leak into them."""
    for name in ("MIND_CONF", "MIND_SET", "PYSPARK_SUBMIT_ARGS", "SPARK_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def record_line(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Notes a line that is printed at the end, in a section: `record_line(section, line)`."""
    lines = request.config.stash[LINES]
    return lambda section, line: lines.setdefault(section, []).append(line)


@pytest.fixture
def record_faults(record_line: Callable[[str, str], None]) -> Callable[[str], None]:
    """Notes a line of what faults came to."""
    return lambda line: record_line("what faults came to", line)


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what becomes of faults, and paths that are short enough for sockets."""
    if getattr(config.option, "numprocesses", None) and not config.option.basetemp:
        config.option.basetemp = tempfile.mkdtemp(prefix="mt-")
    config.stash[FAULTS] = {}
    config.stash[LINES] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in an order in which two processes end together: the longest first, pure tests last."""
    longest: dict[Path, int] = {}
    for item in items:
        longest[item.path] = max(longest.get(item.path, 0), guess_length(item))
    items.sort(key=lambda item: -longest[item.path])


def guess_length(item: pytest.Item) -> int:
    """How long its file may take beside others: by its leg, and by what it needs."""
    marks = [item.get_closest_marker(name) for name in ("spark", "engine")]
    return LONG_LEGS.get(item.path.parent.name, sum(mark is not None for mark in marks))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker of pytest-xdist has noted to the process that prints it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["faults"] = [[*words, well] for words, well in session.config.stash[FAULTS].items()]
        output["lines"] = session.config.stash[LINES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has noted; one that died has noted nothing."""
    output, stash = getattr(node, "workeroutput", {}), node.config.stash
    for what, outcome, well in output.get("faults", []):
        stash[FAULTS][what, outcome] = stash[FAULTS].get((what, outcome), True) and well
    for section, lines in output.get("lines", {}).items():
        stash[LINES].setdefault(section, []).extend(lines)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note whether a fault ended as its test says."""
    report = yield
    for mark in item.iter_markers("fault"):
        faults = item.config.stash[FAULTS]
        faults[mark.args] = faults.get(mark.args, True) and not report.failed
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the faults that were tried, what became of them, and what tests have noted."""
    faults = config.stash[FAULTS]
    if faults:
        terminalreporter.section("faults")
    width = max((len(what) for what, _ in faults), default=0)
    for (what, outcome), as_said in faults.items():
        line = f"{what:<{width}}  {outcome if as_said else 'NOT SO: ' + outcome}"
        terminalreporter.write_line(line, red=not as_said)
    for section, lines in config.stash[LINES].items():
        terminalreporter.section(section)
        for line in lines:
            terminalreporter.write_line(line)
