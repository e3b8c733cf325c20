# Databricks notebook source
# MAGIC %md
# MAGIC # A first look at the tables
# MAGIC
# MAGIC What came in, what was made of it, what passed. After `./submit.sh local pipeline`:
# MAGIC `PYTHONPATH=. .venv/bin/python notebooks/first_look.py [--root FOLDER]`.

# COMMAND ----------

import sys

from spark_jobs.core.runs import Run
from spark_jobs.core.session import open_session
from spark_jobs.core.settings import load_settings

chosen = [f"tables.root={sys.argv[-1]}"] if "--root" in sys.argv else []
settings = load_settings("local", assignments=chosen)
run = Run("sql", settings, open_session(settings, "sql"))
spark, _ = run.spark, run.warehouse

# COMMAND ----------
# MAGIC %md ## From pages to dialogues

spark.sql(
    """
    SELECT (SELECT count(*) FROM raw.documents) AS pages,
           (SELECT count(*) FROM raw.chunks) AS chunks,
           (SELECT count(*) FROM synthetic.dialogues) AS dialogues,
           (SELECT count(*) FROM filtered.dialogues) AS accepted
    """
).show()

# COMMAND ----------
# MAGIC %md ## Why dialogues are rejected, by style

spark.sql(
    """
    SELECT style, reason, count(*) AS dialogues
    FROM filtered.verdicts LATERAL VIEW explode(reasons) AS reason
    GROUP BY style, reason ORDER BY style, dialogues DESC
    """
).show(100, truncate=False)

# COMMAND ----------
# MAGIC %md ## One accepted dialogue beside its chunk

spark.sql(
    """
    SELECT d.style, c.text AS chunk, d.text AS dialogue
    FROM filtered.dialogues AS d JOIN raw.chunks AS c USING (slice, chunk_id) LIMIT 1
    """
).show(truncate=False, vertical=True)
