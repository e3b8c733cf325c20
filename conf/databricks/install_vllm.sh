#!/usr/bin/env bash
# Runs on each GPU node as it starts: vLLM in an environment of its own, which engine.python names.
#
# Not a library of the cluster: vLLM pins its own torch and numpy, and pip would put them over those
# that the runtime was built with. Not an image either: Databricks takes none with its ML runtimes,
# whose GPU drivers are wanted. pip fetches several GB on each node: where nodes come and go often,
# name a mirror near by with PIP_INDEX_URL in the cluster's spark_env_vars.
set -euo pipefail

WHERE=/local_disk0/mind-vllm

# The runtime has virtualenv; the venv of its Python may lack pip.
/databricks/python/bin/python -m virtualenv --quiet "$WHERE"
"$WHERE/bin/pip" install --quiet --no-input "${MIND_VLLM:-vllm==0.33.0}"
