"""Databricks' own package, where `test --all` has set it up; these tests are left out elsewhere."""

import sys
from pathlib import Path

PACKAGES = Path(__file__).parents[2] / ".cache" / "databricks"
if PACKAGES.is_dir():
    sys.path.append(str(PACKAGES))
else:
    collect_ignore = ["test_typed.py"]
