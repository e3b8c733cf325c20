"""Databricks' own package, where `test --all` has set it up; these tests are left out elsewhere."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / ".cache" / "databricks"))
collect_ignore = [] if find_spec("databricks") else ["test_typed.py"]
