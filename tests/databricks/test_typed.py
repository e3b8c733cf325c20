"""The bundle as Databricks' own typed classes read it: unknown fields and wrong types are errors.

They are the package databricks-bundles, whose licence allows its use with Databricks alone: so it
lies in a folder of its own (conf/requirements/databricks.txt), and this is a leg of its own.
"""

from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job

from spark_jobs.core.settings import CONF

BUNDLE = yaml.safe_load((CONF / "databricks" / "databricks.yml").read_text(encoding="utf-8"))
JOBS: dict[str, Any] = BUNDLE["resources"]["jobs"]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_the_fields_and_types_of_databricks(name: str) -> None:
    job = Job.from_dict(JOBS[name])

    assert job.name == name
    assert {str(task.job_cluster_key) for task in job.tasks} == {
        str(each.job_cluster_key) for each in job.job_clusters
    }


def test_the_classes_do_refuse_what_they_do_not_know() -> None:
    job = JOBS["mind_chunk"]
    cluster = {**job["job_clusters"][0]["new_cluster"], "node_typ": "m6id.4xlarge"}

    with pytest.raises((TypeError, ValueError), match="node_typ"):
        Job.from_dict({**job, "job_clusters": [{"job_cluster_key": "cpu", "new_cluster": cluster}]})
