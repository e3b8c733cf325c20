"""The package that goes to a cluster: one build under two names, conf and prompts included."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spark_jobs.core.packaging import Package, build_package
from spark_jobs.core.settings import PROJECT


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build_package(tmp_path_factory.mktemp("dist"))


def test_wheel_and_zip_are_the_same_bytes(package: Package) -> None:
    assert package.wheel.read_bytes() == package.zip.read_bytes()
    assert sorted(package.wheel.parent.iterdir()) == sorted([package.wheel, package.zip])


def test_the_same_source_gives_the_same_file(package: Package, tmp_path: Path) -> None:
    again = build_package(tmp_path)

    assert again.zip.name == package.zip.name
    assert again.zip.read_bytes() == package.zip.read_bytes()


def test_code_conf_and_prompts_are_in_it_and_no_tests(package: Package) -> None:
    names = set(zipfile.ZipFile(package.zip).namelist())

    code = {str(p.relative_to(PROJECT)) for f in ("spark_jobs", "udfs") for p in find(f, "*.py")}
    conf = {f"spark_jobs/{p.relative_to(PROJECT)}" for p in find("conf", "*.*")}
    assert code | conf <= names
    assert not any(name.startswith(("tests", ".venv", ".cache")) for name in names)


def find(folder: str, pattern: str) -> list[Path]:
    return [path for path in (PROJECT / folder).rglob(pattern) if path.is_file()]


def test_a_driver_without_a_checkout_finds_its_settings_in_the_package(
    package: Package, tmp_path: Path
) -> None:
    driver = tmp_path / "driver.py"
    driver.write_bytes((PROJECT / "spark_jobs" / "driver.py").read_bytes())
    dropped = ("MIND_CONF", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}

    done = subprocess.run(
        [sys.executable, "-P", str(driver), "local", "benchmark"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(package.zip)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"gsm8k_test"' in done.stdout
