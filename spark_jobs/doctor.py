"""doctor: tries, one after another, what the jobs need of this machine, and says how to mend it."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spark_jobs.core.chunker import active_chunker
from spark_jobs.core.console import SCREEN
from spark_jobs.core.engine import check_endpoint, make_plan, make_specs, warn_of_gate
from spark_jobs.core.session import check_versions, delta_jars, open_session
from spark_jobs.core.settings import Settings
from spark_jobs.core.versions import package_version, read_versions
from udfs.engine.dialogue_udf import ask_pairs
from udfs.engine.outcomes import ANSWERED
from udfs.engine.sidecar import base_directory
from udfs.errors import MindError

JAVA = 17  # Spark 4's least
FREE_GB = 2  # the engine's logs and Spark's scratch files
Check = Callable[[Settings], str]


def examine(settings: Settings) -> dict[str, Any]:
    """Every check's answer; those after a failure are tried all the same."""
    checks = {name: attempt(name, check, settings) for name, check in CHECKS.items()}
    return {"job": "doctor", "ok": all(c["ok"] for c in checks.values()), "checks": checks}


def attempt(name: str, check: Check, settings: Settings) -> dict[str, Any]:
    """One check: what it found, or why it failed; a line for people either way."""
    try:
        answer = {"ok": True, "found": check(settings)}
        SCREEN.print(f"[green]ok[/]    {name:<12}", end="")
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what we are here to say
        text = str(error) if isinstance(error, MindError) else f"{type(error).__name__}: {error}"
        answer = {"ok": False, "found": text[:1000]}
        SCREEN.print(f"[red]wrong[/] {name:<12}", end="")
    SCREEN.print(answer["found"], markup=False)
    return answer


def check_system(_: Settings) -> str:
    """Linux, the only system that the engine's supervisor knows."""
    system, machine = platform.system(), platform.machine()
    if system != "Linux":
        raise MindError(f"{system} is not supported: use Linux, or WSL2 on Windows")
    return f"{system} {machine}, Python {platform.python_version()}, {os.cpu_count()} cores"


def check_java(_: Settings) -> str:
    """A Java that Spark 4 runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        raise MindError(f"no java on PATH: install Java {JAVA}, or set JAVA_HOME")
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    # Other lines may come first, say of JAVA_TOOL_OPTIONS.
    version = re.search(r'.* version "(\d+).*', done.stderr)
    if version is None or int(version[1]) < JAVA:
        said = version[0] if version else done.stderr.strip()
        raise MindError(f"{said}, expected Java {JAVA} or later: install it, or set JAVA_HOME")
    return version[0]


def check_packages(_: Settings) -> str:
    """Python, Spark and Delta of lines that go together."""
    check_versions({})
    found = read_versions()
    delta = f"Delta {found.delta}" if found.delta else "no Python package of Delta"
    return f"Spark {found.spark}, {delta}, Arrow {package_version('pyarrow')}"


def check_jars(_: Settings) -> str:
    """Delta's JVM part, and that it fits Spark."""
    found = delta_jars(package_version("pyspark"))
    check_versions(found)
    name, value = next(iter(found.items()))
    delta = next((jar for jar in value.split(",") if "delta-spark" in jar), value)
    return f"{name} {delta}"


def check_tokenizer(settings: Settings) -> str:
    """The tokenizer that counts a chunk's tokens."""
    return f"chunker {active_chunker(settings.chunk).chunker_id}"


def check_directory(settings: Settings) -> str:
    """A private folder for the engine, with room in it."""
    base = base_directory(settings.engine.directory)
    free = shutil.disk_usage(base).free / 1e9
    if free < FREE_GB:
        raise MindError(f"{base} has {free:.1f} GB free, expected {FREE_GB}: set engine.directory")
    return f"{base}, {free:.0f} GB free"


def check_spark(settings: Settings) -> str:
    """A session that writes and reads a Delta table."""
    spark = open_session(settings, "doctor")
    with tempfile.TemporaryDirectory() as folder:
        spark.range(3).write.format("delta").save(f"{folder}/table")
        rows = spark.read.format("delta").load(f"{folder}/table").count()
    if rows != 3:
        raise MindError(f"a Delta table of 3 rows was read back with {rows}")
    return f"{spark.sparkContext.master}, a Delta table written and read"


def check_engine(settings: Settings) -> str:
    """An engine that starts and answers."""
    plan, specs = make_plan(settings.engine), make_specs(settings)
    check_endpoint(plan)
    warn_of_gate(settings, plan, os.environ)
    style = next(iter(specs))
    outcome = ask_pairs([("One and one is two.", style)], plan, specs)[0]
    if outcome is None or outcome.status not in ANSWERED:
        raise MindError(f"{plan.recipe.name} gave no dialogue: {outcome}")
    return f"{plan.recipe.name} with {plan.model_name}: {outcome.completion_tokens} tokens"


CHECKS: dict[str, Check] = {
    "system": check_system,
    "java": check_java,
    "packages": check_packages,
    "delta jars": check_jars,
    "tokenizer": check_tokenizer,
    "directory": check_directory,
    "spark": check_spark,
    "engine": check_engine,
}
