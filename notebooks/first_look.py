# Databricks notebook source
# MAGIC %md
# MAGIC # A first look at the tables
# MAGIC
# MAGIC What came in, what was made of it, what passed.
# MAGIC
# MAGIC On a laptop, after `./submit.sh local pipeline`:
# MAGIC `PYTHONPATH=. .venv/bin/python notebooks/first_look.py [--root FOLDER]`.
# MAGIC
# MAGIC On Databricks, on a cluster that is dedicated to you: after `%pip install` of the wheel that
# MAGIC `./submit.sh databricks JOB` leaves in dist. Catalog and prefix are those of
# MAGIC `conf/targets/databricks.toml`, or of `MIND_SET` in the cluster's environment. A cell
# MAGIC can run a job, too, in this session and without changing it:
# MAGIC
# MAGIC ```
# MAGIC from spark_jobs.__main__ import run
# MAGIC run(["databricks", "ingest", "--input", "/Volumes/main/mind/files/pages"])
# MAGIC run(["databricks", "chunk"])
# MAGIC ```

# COMMAND ----------

import os
import sys

from spark_jobs.core.runs import Run
from spark_jobs.core.session import open_session
from spark_jobs.core.settings import load_settings

target = "databricks" if "DATABRICKS_RUNTIME_VERSION" in os.environ else "local"
chosen = [f"tables.root={sys.argv[-1]}"] if "--root" in sys.argv else []
settings = load_settings(target, assignments=chosen)
run = Run("sql", settings, open_session(settings, "sql"))
spark, warehouse = run.spark, run.warehouse
raw, synthetic, filtered = (warehouse.schema(layer) for layer in ("raw", "synthetic", "filtered"))

# COMMAND ----------
# MAGIC %md ## From pages to dialogues

spark.sql(
    f"""
    SELECT (SELECT count(*) FROM {raw}.documents) AS pages,
           (SELECT count(*) FROM {raw}.chunks) AS chunks,
           (SELECT count(*) FROM {synthetic}.dialogues) AS dialogues,
           (SELECT count(*) FROM {filtered}.dialogues) AS accepted
    """
).show()

# COMMAND ----------
# MAGIC %md ## Why dialogues are rejected, by style

spark.sql(
    f"""
    SELECT style, reason, count(*) AS dialogues
    FROM {filtered}.verdicts LATERAL VIEW explode(reasons) AS reason
    GROUP BY style, reason ORDER BY style, dialogues DESC
    """
).show(100, truncate=False)

# COMMAND ----------
# MAGIC %md ## One accepted dialogue beside its chunk

spark.sql(
    f"""
    SELECT d.style, c.text AS chunk, d.text AS dialogue
    FROM {filtered}.dialogues AS d JOIN {raw}.chunks AS c USING (slice, chunk_id) LIMIT 1
    """
).show(truncate=False, vertical=True)
