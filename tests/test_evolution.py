"""A corpus that changes: every change costs exactly its own requests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_jobs import chunk, generate, ingest
from spark_jobs import filter as filter_job
from spark_jobs.core.storage import open_tables
from spark_jobs.core.tables import ATTEMPTS, DIALOGUES, DOCUMENTS, VERDICTS
from tests.simulated import SimulatedEngine

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLES = 'generate.styles=["teacher_student", "interview"]'
PAGES = [
    {"url": f"https://math.example/{n}", "text": f"Page {n}: the square of {n} is {n * n}."}
    for n in range(3)
]


class Corpus:
    """Tables that a test takes from one state to the next."""

    def __init__(self, make_run: Any, write_pages: Any, engine: SimulatedEngine) -> None:
        self.make_run, self.write_pages, self.engine = make_run, write_pages, engine

    def read(self, *pages: dict[str, str], settings: tuple[str, ...] = ()) -> dict[str, Any]:
        """Ingests pages and cuts them into chunks."""
        path = self.write_pages("pages.jsonl", *pages)
        result = ingest.run(self.make_run("ingest", f"ingest.input={path}"))
        chunk.run(self.make_run("chunk", *settings))
        return dict(result)

    def ask(self, *settings: str) -> int:
        """Generates what is pending; how many requests that took."""
        before = len(self.engine.requests)
        generate.run(self.make_run("generate", *self.engine.settings, STYLES, *settings))
        return len(self.engine.requests) - before

    def judge(self, *settings: str) -> Any:
        """Filters; the run, to look at its tables."""
        run = self.make_run("filter", *settings)
        filter_job.run(run)
        return run

    def withdraw(self, folder: Path, *lines: str) -> dict[str, Any]:
        """Takes pages out."""
        (folder / "out.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return dict(ingest.run(self.make_run("ingest", f"ingest.withdraw={folder / 'out.txt'}")))


@pytest.fixture
def corpus(
    make_run: Any, make_once: Any, write_pages: Callable[..., Path], engine: SimulatedEngine
) -> Corpus:
    """Three pages of one chunk each, with both dialogues."""
    made = Corpus(make_run, write_pages, engine)

    def begin() -> None:
        made.read(*PAGES)
        assert made.ask() == 6

    make_once("three pages and their dialogues", begin)
    return made


@pytest.mark.parametrize(
    ("change", "requests"),
    [
        ("generate.samples=1", 0),
        ('generate.styles=["teacher_student", "interview", "debate"]', 3),
        ("generate.prompt=Read this.\n$document\n$instruction", 6),
        ("engine.model=another", 6),
        ("generate.sampling.temperature=0.5", 6),
        ("generate.samples=2", 6),
        ("engine.capacity=3", 0),
        ("ingest.source=renamed", 0),
    ],
    ids=[
        "nothing",
        "a style",
        "a wording",
        "a model",
        "a sampling",
        "a sample",
        "capacity",
        "label",
    ],
)
def test_a_change_costs_exactly_its_own_requests(
    corpus: Corpus, change: str, requests: int
) -> None:
    assert corpus.ask(change) == requests
    assert corpus.ask(change) == 0


def test_another_chunk_size_costs_its_own_chunks_and_the_old_are_still_there(
    corpus: Corpus,
) -> None:
    corpus.read(*PAGES, settings=("chunk.max_tokens=64",))

    assert corpus.ask("chunk.max_tokens=64") == 6
    assert corpus.ask() == 0


def test_a_url_with_a_new_text_costs_that_text_and_only_it_counts(corpus: Corpus) -> None:
    newer = {**PAGES[0], "text": "Page 0, newer: zero is a square."}

    result = corpus.read(newer)

    assert (result["new"], result["superseded"]) == (1, 1)
    assert corpus.ask() == 2
    run = corpus.judge()
    assert run.warehouse.read(DOCUMENTS).count() == 4
    shown = run.spark.table("synthetic.dialogues")
    assert shown.count() == 6
    assert run.warehouse.read(ATTEMPTS).count() == 8
    assert run.warehouse.read(DIALOGUES).count() == 6
    newest = run.warehouse.read(DOCUMENTS).where("text like '%newer%'").first()["doc_id"]
    assert shown.where(f"doc_id = '{newest}'").count() == 2


def test_a_page_that_was_replaced_before_it_was_asked_about_costs_nothing(
    corpus: Corpus,
) -> None:
    corpus.read({"url": "v", "text": "Page v: first."}, {"url": "w", "text": "Page w."})
    corpus.read({"url": "v", "text": "Page v: second."})

    assert corpus.ask() == 4


def test_of_pages_read_together_the_one_crawled_last_counts(corpus: Corpus) -> None:
    corpus.read(
        {"url": "v", "text": "Page v of June.", "date": "2023-06-01"},
        {"url": "v", "text": "Page v of May.", "date": "2023-05-01"},
    )
    corpus.engine.requests.clear()

    assert corpus.ask() == 2
    assert all("June" in str(request) for request in corpus.engine.requests)


def test_a_new_wording_takes_the_place_of_the_old_one_in_the_corpus_where_it_is_there(
    corpus: Corpus,
) -> None:
    wording = "generate.prompt=Read this.\n$document\n$instruction"
    corpus.judge()
    corpus.ask(wording, "generate.limit_chunks=1")

    run = corpus.judge()

    assert run.warehouse.read(ATTEMPTS).count() == 8
    dialogues = run.warehouse.read(DIALOGUES)
    assert dialogues.count() == 6
    assert dialogues.select("chunk_id", "style").distinct().count() == 6
    specs = dialogues.groupBy("spec_id").count().collect()
    assert sorted(row["count"] for row in specs) == [1, 1, 2, 2]


def test_the_corpus_follows_the_active_chunker(corpus: Corpus) -> None:
    corpus.read(*PAGES, settings=("chunk.max_tokens=64",))
    corpus.ask("chunk.max_tokens=64")

    run = corpus.judge()
    assert run.warehouse.read(DIALOGUES).count() == 6
    before = {row["chunk_id"] for row in run.warehouse.read(DIALOGUES).collect()}
    run = corpus.judge("chunk.max_tokens=64")
    after = {row["chunk_id"] for row in run.warehouse.read(DIALOGUES).collect()}
    assert len(after) == 3
    assert not before & after


def test_a_withdrawn_page_is_gone_at_once_from_pending_views_and_corpus(
    corpus: Corpus, tmp_path: Path
) -> None:
    corpus.judge()

    result = corpus.withdraw(tmp_path, PAGES[1]["url"] + "\tits author asked for it", "# a comment")

    assert result == {"withdrawn": 1}
    run = corpus.make_run("sql")
    assert run.spark.table("synthetic.dialogues").count() == 4
    assert run.warehouse.read(DIALOGUES).count() == 4
    assert corpus.ask("generate.samples=2") == 4


def test_a_withdrawal_survives_the_next_ingest_also_under_another_text(
    corpus: Corpus, tmp_path: Path
) -> None:
    corpus.withdraw(tmp_path, PAGES[1]["url"], "https://math.example/never-seen")

    result = corpus.read(
        *PAGES,
        {**PAGES[1], "text": "Page 1, rewritten."},
        {"url": "https://math.example/never-seen", "text": "Page never."},
    )

    assert result["new"] == 0
    assert corpus.ask() == 0


def test_a_page_can_be_withdrawn_by_its_doc_id_and_others_of_its_url_stay_out(
    corpus: Corpus, tmp_path: Path
) -> None:
    run = corpus.make_run("sql")
    doc_id = run.warehouse.read(DOCUMENTS).where("text like 'Page 2%'").first()["doc_id"]

    assert corpus.withdraw(tmp_path, doc_id) == {"withdrawn": 1}
    assert corpus.withdraw(tmp_path, doc_id) == {"withdrawn": 0}
    assert run.spark.table("synthetic.dialogues").count() == 4


def test_a_page_withdrawn_while_its_wave_is_under_way_does_not_show(
    corpus: Corpus, tmp_path: Path
) -> None:
    def withdraw(number: int) -> None:
        if number == asked + 1:
            corpus.withdraw(tmp_path, PAGES[0]["url"])

    asked = len(corpus.engine.requests)
    corpus.engine.on_request = withdraw
    assert corpus.ask("generate.samples=2") == 6

    run = corpus.judge()
    assert run.warehouse.read(ATTEMPTS).count() == 12
    assert run.spark.table("synthetic.dialogues").count() == 8
    assert run.warehouse.read(DIALOGUES).count() == 8


def test_a_page_withdrawn_while_it_was_being_read_is_withdrawn_all_the_same(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_documents = ingest.new_documents

    def withdraw_meanwhile(run: Any, rows: Any) -> Any:
        found = new_documents(run, rows)
        monkeypatch.setattr(ingest, "new_documents", new_documents)
        corpus.withdraw(tmp_path, "v")
        return found

    monkeypatch.setattr(ingest, "new_documents", withdraw_meanwhile)
    corpus.read({"url": "v", "text": "Page v."})

    assert corpus.ask() == 0


def test_tables_of_an_earlier_version_get_the_new_columns(corpus: Corpus) -> None:
    run = corpus.make_run("generate")
    name = run.warehouse.name(ATTEMPTS)
    run.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    run.spark.sql(f"ALTER TABLE {name} DROP COLUMN neutralised")
    run.spark.sql(f"DROP TABLE {name}")  # its name, as a new session does not know it
    open_tables(run.warehouse)

    assert corpus.ask("generate.samples=2") == 6
    flags = run.warehouse.read(ATTEMPTS).groupBy("neutralised").count().collect()
    assert {row["neutralised"]: row["count"] for row in flags} == {None: 6, False: 6}


def test_a_new_check_finds_room_for_its_metrics_in_verdicts_of_an_earlier_version(
    corpus: Corpus,
) -> None:
    before = corpus.judge()
    name = before.warehouse.name(VERDICTS)
    before.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    before.spark.sql(f"ALTER TABLE {name} DROP COLUMN metrics.turns")
    before.spark.sql(f"DROP TABLE {name}")
    before.warehouse.make(VERDICTS)

    run = corpus.judge("filter.checks.one_sided.max_share=0.9")

    turns = run.warehouse.read(VERDICTS).select("rules_id", "metrics.turns").distinct().collect()
    assert sorted(row["turns"] is None for row in turns) == [False, True]
