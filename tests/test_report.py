"""report: the numbers on the page are those of the tables, and the page comes whole or not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from spark_jobs import chunk, generate, ingest, report
from spark_jobs import filter as filter_job
from spark_jobs.core.report_data import read_comparison, read_corpus
from spark_jobs.core.tables import VERDICTS, WAVES
from tests.conftest import runs_on
from tests.simulated import run_simulated
from udfs.errors import JobError, UsageError

pytestmark = [pytest.mark.spark, pytest.mark.engine]
STYLES = 'generate.styles=["teacher_student", "debate"]'
BAD = "The page is about <script>alert(1)</script> squares and"
DUPLICATES_ON = "filter.checks.duplicate.action=gate"


@pytest.fixture(scope="module")
def make_shared(
    spark: Any, empty_tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Runs on three good pages of two styles and two bad ones of one style, not judged yet."""
    folder = tmp_path_factory.mktemp("report")
    with runs_on(spark, folder / "warehouse", empty_tables) as make, run_simulated() as engine:
        for count, styles in ((3, STYLES), (5, 'generate.styles=["debate"]')):
            pages = [{"url": str(n), "text": f"Page {n} says that a is {n}."} for n in range(count)]
            file = folder / f"{count}.jsonl"
            file.write_text("".join(f"{json.dumps(page)}\n" for page in pages))
            ingest.run(make("ingest", f"ingest.input={file}"))
            chunk.run(make("chunk"))
            generate.run(make("generate", *engine.settings, styles))
            engine.text, engine.finish_reason = BAD, "length"
        yield make


def find_row(page: str, caption: str, name: str) -> list[str]:
    """The cells of a row, by the table's caption and the row's head."""
    _, _, after = page.partition(f"<caption>{caption}</caption>")
    table, _, _ = after.partition("</table>")
    row = next(r for r in table.split("<tr") if f'<th scope="row">{name}</th>' in r)
    return [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]


def test_numbers_and_samples_are_those_of_the_tables_and_markup_is_text(
    make_shared: Any, tmp_path: Path
) -> None:
    filter_job.run(make_shared("filter"))
    output = tmp_path / "new folder" / "report.html"
    run = make_shared("report", f"report.output={output}", "report.samples=1")

    result = report.run(run)

    page = output.read_text(encoding="utf-8")
    assert (result["asked"], result["judged"], result["accepted"]) == (8, 8, 6)
    assert result["bytes"] == output.stat().st_size
    assert [file.name for file in output.parent.iterdir()] == ["report.html"]
    # chunks, asked, ok, length, judged, passed, accepted
    assert find_row(page, "By style", "debate")[:8] == [*"5532533", "60.0%"]
    assert find_row(page, "By style", "teacher_student")[:8] == [*"3330333", "100%"]
    by_rules = f"rules_id = '{result['rules_id']}'"
    counted = run.spark.sql(
        "SELECT reason, count(*) FROM filtered.verdicts LATERAL VIEW explode(reasons) AS reason "
        f"WHERE style = 'debate' AND {by_rules} GROUP BY reason"
    ).collect()
    assert counted
    for reason, count in counted:
        cells = find_row(page, "Why dialogues are not in the corpus", reason)
        assert cells[0] == cells[-1] == str(count)
    tokens = run.warehouse.read(WAVES).groupBy().sum("completion_tokens").collect()[0][0]
    assert tokens == sum(
        int(row.split("</td><td>")[4].replace(",", ""))
        for row in page.split("<caption>Waves</caption>")[1].split("</table>")[0].split("<tr>")[2:]
    )
    verdicts = run.warehouse.read(VERDICTS).where(by_rules)
    turns = verdicts.where("metrics.answered").select("metrics.turns").collect()
    told = re.findall(r'aria-label="Turns: ([^"]*)"', page)[0]
    assert sum(map(int, re.findall(r"(\d+) (?:not )?accepted", told))) == len(turns)

    # One accepted of each style, and one that was rejected, if for several reasons.
    drawn = run.spark.sql(
        "SELECT min_by(gen_key, xxhash64(gen_key)) FROM filtered.verdicts "
        f"WHERE {by_rules} GROUP BY style, accepted"
    ).collect()
    assert result["samples"] == len(drawn) == 3
    found = set(re.findall(r'aria-label="Dialogue (\w+)"', page))
    assert found == {gen_key[:8] for (gen_key,) in drawn}
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("<script>") == 1
    assert "<mi>a</mi>" in page
    assert re.search(r"Page [012] says that a is", page)


def test_what_passed_and_is_not_in_the_corpus_has_a_reason(
    make_shared: Any, tmp_path: Path
) -> None:
    filter_job.run(make_shared("filter", DUPLICATES_ON))
    output = tmp_path / "report.html"

    result = report.run(make_shared("report", f"report.output={output}"))

    page = output.read_text(encoding="utf-8")
    assert result["accepted"] == 2
    row = find_row(page, "Why dialogues are not in the corpus", "duplicate")
    assert row == ["2", "2", "4"]
    assert find_row(page, "Dialogues that repeat another of their spec", "debate")[0] == "2"


def test_two_sets_of_rules_are_compared_on_the_same_dialogues(make_shared: Any) -> None:
    first = filter_job.run(make_shared("filter"))["rules_id"]
    strict_rules = "filter.checks.too_few_tokens.min_tokens=9999"
    strict = filter_job.run(make_shared("filter", strict_rules))["rules_id"]
    report_run = make_shared("report", f"report.compare={first[:9]},{strict}", "report.samples=2")

    found = read_comparison(report_run, read_corpus(report_run))

    assert found is not None
    assert (found.left.name, found.right.name) == (f"rules {first[:8]}", f"rules {strict[:8]}")
    assert (found.left.total.judged, found.left.total.accepted) == (8, 6)
    assert (found.right.total.judged, found.right.total.accepted) == (8, 0)
    assert [left.gen_key for left, _ in found.pairs] == [right.gen_key for _, right in found.pairs]
    assert [(left.accepted, right.accepted) for left, right in found.pairs] == [(True, False)] * 4

    with pytest.raises(UsageError, match="'00000000000' begins 0 ids"):
        read_comparison(
            make_shared("report", "report.compare=00000000000,1"), read_corpus(report_run)
        )


def test_the_page_goes_to_any_filesystem_and_takes_the_place_of_an_older_one() -> None:
    for content in (b"older", b"newer"):
        report.write_whole("memory://reports/page.html", content)

    files = fsspec.filesystem("memory").ls("/reports", detail=False)
    assert files == ["/reports/page.html"]
    assert fsspec.open("memory://reports/page.html").open().read() == b"newer"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(JobError, match=r"file/report\.html: .*--output"):
        report.write_whole(str(tmp_path / "file" / "report.html"), b"")
