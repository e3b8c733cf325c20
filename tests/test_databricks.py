"""Jobs on Databricks: in the session that is there, with tables of a catalog and files of a volume.

Only the place is imitated: its environment variables, a session that somebody else has opened, a
schema of a catalog, and a folder for a volume. Spark, Delta and the jobs are the real ones.
"""

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.__main__ import run, start
from spark_jobs.core.session import find_session
from spark_jobs.core.tables import LAYERS
from spark_jobs.notebook import Tables
from tests.simulated import SimulatedEngine, run_simulated
from udfs.errors import UsageError

pytestmark = pytest.mark.spark
PROJECT = Path(__file__).parents[1]
STYLES = "debate,interview"
PAGES = 3
OPTIMIZED = "spark.databricks.delta.optimizeWrite.enabled"


@dataclass
class Ran:
    """What all layers, run one after another, did: codes and JSON lines, and what was seen."""

    codes: list[int] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    spooled: bool = False
    shuffles: set[str] = field(default_factory=set)
    changed: set[Any] = field(default_factory=set)


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in place of a volume, with pages in it."""
    folder = tmp_path_factory.mktemp("place") / "Volumes" / "main" / "mind" / "files"
    folder.mkdir(parents=True)
    texts = (f"Page {n}: the square of {n} is {n * n}." for n in range(PAGES))
    rows = ({"url": f"u{n}", "text": text} for n, text in enumerate(texts))
    (folder / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def engine() -> Iterator[SimulatedEngine]:
    """A simulated engine that notes what it is asked."""
    with run_simulated() as simulated:
        yield simulated


@pytest.fixture(scope="module")
def databricks(spark: Any, volume: Path) -> Iterator[Any]:
    """The session of a cluster, whose catalog keeps the tables where it likes."""
    for layer in LAYERS:
        place = volume.parents[3] / "managed" / layer
        spark.sql(f"CREATE SCHEMA spark_catalog.mind_{layer} LOCATION '{place}'")
    # What a workspace may have for everybody.
    spark.conf.set(OPTIMIZED, "true")
    yield spark
    spark.conf.unset(OPTIMIZED)
    for layer in LAYERS:
        spark.sql(f"DROP SCHEMA spark_catalog.mind_{layer} CASCADE")


@pytest.fixture(autouse=True, scope="module")
def _environment(volume: Path, engine: SimulatedEngine) -> Iterator[None]:
    """The environment of a cluster of the bundle."""
    own = ["tables.catalog=spark_catalog", f"tables.root={volume}", "tables.slices=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
        patch.setenv("MIND_COMMIT", "0123456789ab")
        patch.setenv("MIND_BUNDLE_SET", ",".join([*own, *engine.settings]))
        yield


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, _quiet_environment: None) -> None:
    """The settings of the bundle, which the fixture of all tests has taken away."""
    monkeypatch.setenv("MIND_SET", os.environ["MIND_BUNDLE_SET"])


def run_layers(volume: Path) -> list[int]:
    """All layers one after another, as the bundle's tasks and as cells of a notebook do; codes."""
    return [
        run(["databricks", "ingest", f"--input={volume}/pages.jsonl"]),
        run(["databricks", "chunk"]),
        run(["databricks", "generate", f"--styles={STYLES}", "--buckets=", "--where="]),
        run(["databricks", "filter"]),
    ]


def look_around(spark: Any) -> set[Any]:
    """What a job must leave as it was: the session's settings, and who hears of Ctrl-C."""
    settings = dict(spark.conf.getAll)
    # Delta's own memory of what the session has last committed.
    settings.pop("spark.databricks.delta.lastCommitVersionInSession", None)
    return {*settings.items(), ("Ctrl-C", signal.getsignal(signal.SIGINT))}


@pytest.fixture(scope="module")
def ran(databricks: Any, volume: Path, engine: SimulatedEngine) -> Ran:
    """All layers, once."""
    ran = Ran()

    def look(_: int) -> None:
        ran.spooled = ran.spooled or any((volume / "_spool").glob("*"))
        ran.shuffles.add(databricks.conf.get(OPTIMIZED))

    engine.on_request = look
    before = look_around(databricks)
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("MIND_SET", os.environ["MIND_BUNDLE_SET"])
        ran.codes = run_layers(volume)
    ran.changed = before ^ look_around(databricks)
    lines = map(json.loads, out.getvalue().splitlines())
    ran.said = {line["job"]: line for line in lines}
    return ran


def test_all_layers_run_in_a_session_that_is_there_with_tables_of_a_catalog(
    databricks: Any, ran: Ran
) -> None:
    assert ran.codes == [0, 0, 0, 0]
    assert ran.said["ingest"]["documents"] == PAGES
    assert ran.said["generate"]["status"] == {"ok": PAGES * 2}
    assert ran.said["filter"]["judged"] == PAGES * 2
    assert databricks.table("spark_catalog.mind_synthetic.dialogues").count() == PAGES * 2


def test_the_session_its_settings_and_ctrl_c_are_as_they_were(databricks: Any, ran: Ran) -> None:
    assert ran.changed == set()
    assert find_session() is databricks
    assert databricks.range(3).count() == 3


def test_while_it_runs_generate_has_the_property_that_keeps_answers_from_a_shuffle(
    ran: Ran,
) -> None:
    assert ran.shuffles == {"false"}


def test_the_spool_lies_in_the_volume_and_nothing_stays_of_it(volume: Path, ran: Ran) -> None:
    assert ran.spooled
    assert not list(volume.glob("_spool/*"))
    assert not list(volume.glob("_progress/*"))


def test_the_ledger_names_the_commit_of_the_bundle(databricks: Any, ran: Ran) -> None:
    del ran  # comes before
    rows = databricks.table("spark_catalog.mind_ops.runs").collect()

    assert {json.loads(row["versions"])["commit"] for row in rows} == {"0123456789ab"}


def test_a_rerun_in_another_thread_of_a_notebook_asks_for_nothing(
    ran: Ran, engine: SimulatedEngine
) -> None:
    asked, codes = len(engine.requests), []

    words = ["databricks", "generate", f"--styles={STYLES}"]
    thread = threading.Thread(target=lambda: codes.append(run(words)))
    thread.start()
    thread.join()

    assert (codes, len(engine.requests)) == ([0], asked)
    assert ran.said["generate"]["requests"] == asked


def test_maintain_puts_the_tables_of_a_catalog_in_order(ran: Ran) -> None:
    del ran  # comes before
    assert run(["databricks", "maintain"]) == 0


def test_a_notebook_asks_the_tables_of_the_catalog(ran: Ran) -> None:
    del ran  # comes before
    tables = Tables()

    counted = tables.ask("select count(*) n from {synthetic}.dialogues")
    assert list(counted["n"]) == [PAGES * 2]


@pytest.mark.parametrize(
    ("code", "end"),
    [(0, nullcontext()), (1, pytest.raises(SystemExit)), (2, pytest.raises(SystemExit))],
)
def test_the_wheels_entry_point_exits_only_when_the_job_failed(
    code: int, end: AbstractContextManager[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spark_jobs.__main__.run", lambda _: code)

    with end:
        start()


def test_a_session_without_a_jvm_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession

    class OfConnect:
        """Spark Connect's session, as far as it is looked at."""

    monkeypatch.setattr(SparkSession, "getActiveSession", OfConnect)

    with pytest.raises(UsageError, match="dedicated to one user"):
        find_session()


def test_settings_of_the_environment_lie_below_those_of_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from spark_jobs.__main__ import main

    monkeypatch.setitem(
        os.environ, "MIND_SET", "generate.where=a in (1,2),engine.model=m,cost.gpu_hour=2"
    )
    main(["local", "generate", "--dry-run", "--gpu-hour", "3"])

    settings = json.loads(capsys.readouterr().out)
    assert settings["generate"]["where"] == "a in (1,2)"
    assert settings["engine"]["model"] == "m"
    assert settings["cost"]["gpu_hour"] == 3
