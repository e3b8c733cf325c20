"""The jobs: one module per verb, each its own Spark application; `core` holds what they share."""
