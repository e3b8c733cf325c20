"""report: one self-contained HTML page of what the tables hold."""

from spark_jobs.core.console import say
from spark_jobs.core.report_data import read_content
from spark_jobs.core.runs import Result, Run
from spark_jobs.sql import check_there
from udfs.engine import spool
from udfs.errors import JobError
from udfs.report.content import Content
from udfs.report.page import render_page


def run(run: Run) -> Result:
    """Read what the page shows, render it, and put it in its place whole."""
    check_there(run)
    content = read_content(run)
    page = render_page(content).encode()
    output = run.settings.report.output
    write_whole(output, page)
    say(f"report: {output}, {len(page) / 1e6:,.1f} MB, {len(content.samples)} sample dialogues")
    return describe(content, output, len(page))


def describe(content: Content, output: str, size: int) -> Result:
    """The job's result."""
    return {
        "output": output,
        "bytes": size,
        "samples": len(content.samples),
        "asked": content.total.asked,
        "judged": content.total.judged,
        "accepted": content.total.accepted,
        "rules_id": content.corpus.rules_id,
    }


def write_whole(location: str, content: bytes) -> None:
    """Write a file on any filesystem under another name first; nobody sees half of it.

    Raises JobError where it cannot be written.
    """
    try:
        spool.write_whole(location, content)
    except (OSError, ValueError, ImportError) as error:
        raise JobError(
            f"the report cannot be written to {location}: {error}; --output names another place"
        ) from error
