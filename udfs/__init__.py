"""All that runs on executors: plain Python, testable without Spark, unaware of `spark_jobs`."""
