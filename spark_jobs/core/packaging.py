"""The package that goes to a cluster: a wheel, and the same file as the .zip of --py-files.

A wheel is a .zip of what is to be imported, conf and prompts included, so there is one source and
one builder; spark-submit only wants another name. Hatchling makes the same bytes of the same files.
Run as `python -m spark_jobs.core.packaging` it makes one and prints where it is.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from spark_jobs.core.console import print_result
from spark_jobs.core.settings import PROJECT
from udfs.errors import JobError, UsageError

DIST = PROJECT / "dist"


@dataclass(frozen=True)
class Package:
    """One build: the same content under two names, the .zip named by the hash of its content."""

    wheel: Path
    zip: Path


def build_package(folder: Path = DIST) -> Package:
    """The package of this checkout, below `folder`; a build that is there already is kept.

    Raises UsageError outside of a checkout and JobError with the builder's own words.
    """
    if not (PROJECT / "pyproject.toml").is_file():
        raise UsageError(
            f"{PROJECT} is no checkout of the project, and a package is made from one: submit there"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="new-") as new:
        built = build_wheel(Path(new))
        content = hashlib.sha256(built.read_bytes()).hexdigest()[:12]
        package = Package(folder / built.name, folder / f"mind-on-spark-{content}.zip")
        # A job that is being submitted may be reading the old one: files are put in place whole.
        shutil.copyfile(built, built.with_suffix(".zip")).replace(package.zip)
        built.replace(package.wheel)
    return package


def build_wheel(folder: Path) -> Path:
    """A wheel of the checkout."""
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise JobError(f"the package could not be built: {(done.stderr or done.stdout).strip()}")
    return wheels[0]


if __name__ == "__main__":
    made = build_package()
    print_result({"wheel": str(made.wheel), "zip": str(made.zip)})
