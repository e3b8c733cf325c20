"""All that runs on executors: plain Python, testable without Spark, never importing `spark_jobs`."""
