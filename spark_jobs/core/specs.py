"""`ops.specs`: the exact words, model and sampling behind every spec_id."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from spark_jobs.core.commits import CommittedElsewhereError, try_append
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import SPECS
from udfs.dialogue.prompts import DOCUMENT
from udfs.dialogue.specs import Spec
from udfs.errors import JobError

TRIES = 8  # as many runs may begin at once


def find_new_specs(run: Run, specs: Mapping[str, Spec]) -> list[Spec]:
    """Those that were never asked with before."""
    known = {row["spec_id"] for row in run.warehouse.read(SPECS).select("spec_id").collect()}
    return [spec for spec_id, spec in specs.items() if spec_id not in known]


def register_specs(run: Run, specs: Sequence[Spec]) -> None:
    """Record new specs in one commit, each once, also when two runs meet the same one first."""
    if not specs:
        return
    rows = run.warehouse.make_rows([describe_spec(spec, run) for spec in specs], SPECS)
    for _ in range(TRIES):
        # What an append has read makes it fail when another writer was quicker.
        known = run.warehouse.read(SPECS).select("spec_id")
        with suppress(CommittedElsewhereError):
            try_append(run, rows.join(known, "spec_id", "left_anti"), SPECS)
            return
    raise JobError(f"{SPECS}: other runs add to it all the time; run the same command again")


def describe_spec(spec: Spec, run: Run) -> dict[str, object]:
    """One row of the table."""
    return {
        "spec_id": spec.spec_id,
        "style": spec.style.name,
        "prompt_hash": spec.prompt_hash,
        "messages": json.dumps(spec.messages(DOCUMENT), ensure_ascii=False),
        "model": spec.model,
        "model_revision": spec.model_revision,
        "quantisation": spec.quantisation,
        "sampling": json.dumps(spec.sampling, sort_keys=True),
        "created_at": run.started_at,
    }
