"""`ops.specs`: the exact words, model and sampling behind every spec_id."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from spark_jobs.core.commits import CommittedElsewhereError, append_named
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import SPECS
from udfs.dialogue.prompts import DOCUMENT
from udfs.dialogue.specs import Spec


def find_new_specs(run: Run, specs: Mapping[str, Spec]) -> list[Spec]:
    """Those that were never asked with before."""
    known = {row["spec_id"] for row in run.warehouse.read(SPECS).select("spec_id").collect()}
    return [spec for spec_id, spec in specs.items() if spec_id not in known]


def register_specs(run: Run, specs: Sequence[Spec]) -> None:
    """Record new specs, each once, also when two runs meet the same one first."""
    for spec in specs:
        rows = run.warehouse.make_rows([describe_spec(spec, run)], SPECS)
        with suppress(CommittedElsewhereError):
            append_named(run, rows, SPECS, spec.spec_id, {"run_id": run.run_id})


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
