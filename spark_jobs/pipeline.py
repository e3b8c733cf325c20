"""pipeline: all jobs in one application, from files to the filtered corpus."""

from spark_jobs import chunk, filter, generate, ingest  # noqa: A004 - the job is named so
from spark_jobs.core.console import say
from spark_jobs.core.runs import Result, Run, execute
from spark_jobs.core.tables import DIALOGUES

STEPS = {
    "ingest": ingest.run,
    "chunk": chunk.run,
    "generate": generate.run,
    "filter": filter.run,
}


def run(run: Run) -> Result:
    """Each job in turn; what one has committed stays when a later one fails."""
    results = {name: execute(run.step(name), work) for name, work in STEPS.items()}
    show_next_steps(run)
    return {"jobs": results}


def show_next_steps(run: Run) -> None:
    """Where the tables lie and what to try next."""
    tables = run.settings.tables
    place = tables.catalog or tables.root
    root = f" --root {tables.root}" if not tables.catalog else ""
    say(f"\nThe tables lie in {place}. Try:")
    say(f'  ./submit.sh local sql{root} "select style, text from {run.warehouse.name(DIALOGUES)}"')
    say(
        f'  ./submit.sh local sql{root} "select explode(reasons) reason, count(*) from '
        f'{run.warehouse.schema("filtered")}.verdicts group by 1"'
    )
    say(f"  ./submit.sh local report{root} --output report.html   # one page to look at it all")
    say(f"  ./submit.sh local pipeline{root}          # again: nothing is asked for twice")
