"""Weights: copied once per host, gone on with after a crash, checked, and loaded from there."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from tests.engine.conftest import (
    ENGINES,
    ask,
    find_running,
    make_plan,
    processes_of,
    wait_until,
)
from tests.engine.weight_server import Store, serve_files
from udfs.engine import weight_copy, weights
from udfs.engine.processes import end_processes
from udfs.engine.recipes import EnginePlan, load_recipe
from udfs.engine.sidecar import attach, longest_start
from udfs.engine.weight_files import choose_needed
from udfs.engine.weights import choose_directory, stage, verify
from udfs.errors import EngineError

BLOCK = 64 * 1024
SHARD = "model-00001-of-00002.safetensors"
MODEL = {
    "config.json": b"{}",
    SHARD: random.Random(1).randbytes(10 * BLOCK + 7),
    "model-00002-of-00002.safetensors": random.Random(2).randbytes(3 * BLOCK),
}
SIZE = sum(map(len, MODEL.values()))
# The module's own entry, with small blocks.
COPIER = f"from udfs.engine import weight_copy as c, weights as w; c.BLOCK = {BLOCK}; w.main()"


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_copy, "BLOCK", BLOCK)


@pytest.fixture
def store() -> Iterator[Store]:
    with serve_files(dict(MODEL)) as served:
        yield served


def write_model(folder: Path, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return str(folder)


def read_model(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def sums_of(files: dict[str, bytes]) -> bytes:
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in files.items())
    return "\n".join(lines).encode()


def start_copier(url: str, directory: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COPIER, url, str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def stop_in_the_middle(store: Store, directory: Path) -> None:
    """Kill a copier when half of the bytes have been given; the rest is then given, too."""
    store.give = SIZE // 2
    copier = start_copier(store.url, directory)
    assert wait_until(lambda: bytes_in(directory) >= SIZE // 2 - BLOCK, 30)
    copier.kill()
    copier.communicate()
    store.going.set()
    store.give = 1 << 40


def bytes_in(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*/files/*"))


def test_a_folder_is_copied_without_what_no_engine_loads(tmp_path: Path) -> None:
    useless = ("original/consolidated.00.pth", "x.pth", ".git/config", ".cache/a/b", "a.msgpack")
    twice = {"pytorch_model-00001-of-00001.bin": b"the same again"}
    source = write_model(tmp_path / "m", {**MODEL, **dict.fromkeys(useless, b"x"), **twice})

    assert read_model(stage(source, tmp_path / "to")) == MODEL


def test_other_weights_are_copied_where_there_are_no_safetensors(tmp_path: Path) -> None:
    model = {"config.json": b"{}", "pytorch_model.bin": b"weights"}

    assert read_model(stage(write_model(tmp_path / "m", model), tmp_path / "to")) == model


def test_a_single_file_of_any_filesystem_is_staged_as_a_file(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/models/tiny.gguf", b"GGUF")

    path = stage("memory://models/tiny.gguf", tmp_path)

    assert (path.name, path.read_bytes()) == ("tiny.gguf", b"GGUF")


def test_what_is_staged_is_not_read_again(store: Store, tmp_path: Path) -> None:
    first = stage(store.url, tmp_path)
    given = store.bytes_given()

    assert stage(store.url, tmp_path) == first
    assert given == store.bytes_given() == SIZE


@pytest.mark.fault("the copying of weights is killed", "the next one goes on where it ended")
def test_a_copy_that_was_killed_goes_on_where_it_ended(store: Store, tmp_path: Path) -> None:
    stop_in_the_middle(store, tmp_path)
    here, before = bytes_in(tmp_path), len(store.given)

    assert read_model(stage(store.url, tmp_path)) == MODEL
    assert sum(size for _, _, size in store.given[before:]) == SIZE - here
    assert not list(tmp_path.rglob("*.part"))


def test_a_server_that_gives_files_only_whole_can_be_gone_on_with(
    store: Store, tmp_path: Path
) -> None:
    stop_in_the_middle(store, tmp_path)
    store.ranges = False

    assert read_model(stage(store.url, tmp_path)) == MODEL


def test_files_begun_from_another_version_are_copied_anew(store: Store, tmp_path: Path) -> None:
    stop_in_the_middle(store, tmp_path)
    changed = {name: bytes(reversed(content)) for name, content in MODEL.items()}
    store.files, store.version = changed, 2

    assert read_model(stage(store.url, tmp_path)) == changed


def test_a_source_that_was_replaced_replaces_what_is_staged(tmp_path: Path) -> None:
    source = Path(write_model(tmp_path / "m", MODEL))
    stage(str(source), tmp_path / "to")
    (source / "model-00002-of-00002.safetensors").unlink()
    changed = {"config.json": b"{ }", SHARD: MODEL[SHARD]}
    write_model(source, {"config.json": b"{ }"})

    assert read_model(stage(str(source), tmp_path / "to")) == changed


def test_a_source_that_changes_meanwhile_is_refused_by_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(*_: object) -> None:
        store.version = 2

    monkeypatch.setattr(weight_copy.Copy, "keep_sum", change)

    with pytest.raises(EngineError, match=r"changed while it was copied: .*config\.json"):
        stage(store.url, tmp_path)


@pytest.mark.fault("two executors of a host stage weights", "one copies, the other waits for it")
def test_two_processes_at_once_copy_once(store: Store, tmp_path: Path) -> None:
    store.give = SIZE // 2
    copiers = [start_copier(store.url, tmp_path) for _ in range(2)]
    assert wait_until(lambda: bytes_in(tmp_path) >= SIZE // 2 - BLOCK, 30)
    store.going.set()
    store.give = 1 << 40
    paths = {copier.communicate(timeout=60)[0].strip() for copier in copiers}

    assert len(paths) == 1
    assert read_model(Path(paths.pop())) == MODEL
    # A block that was held is given without being counted.
    assert store.bytes_given() <= SIZE


def test_files_are_compared_with_the_sums_beside_them(tmp_path: Path) -> None:
    manifest = {"SHA256SUMS": sums_of(MODEL)}
    source = write_model(tmp_path / "m", {**MODEL, **manifest})

    assert read_model(stage(source, tmp_path / "to")) == {**MODEL, **manifest}


def test_a_wrong_sum_names_file_and_sums_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    other = b"y" + MODEL[SHARD][1:]
    source = write_model(tmp_path / "m", {**MODEL, "SHA256SUMS": sums_of({SHARD: other})})

    with pytest.raises(EngineError) as error:
        stage(source, tmp_path / "to")

    for part in (source, SHARD, hashlib.sha256(other).hexdigest()):
        assert part in str(error.value)
    assert not list((tmp_path / "to").rglob(f"{SHARD}*"))


def test_a_single_file_is_compared_with_the_sums_beside_it(tmp_path: Path) -> None:
    folder = {"a.gguf": b"a", "SHA256SUMS": sums_of({"a.gguf": b"b"})}
    write_model(tmp_path / "m", folder)

    with pytest.raises(EngineError, match=r"a\.gguf has the sha256"):
        stage(str(tmp_path / "m" / "a.gguf"), tmp_path / "to")


def test_an_upload_that_lacks_a_file_of_its_manifest_is_refused(tmp_path: Path) -> None:
    half = {name: content for name, content in MODEL.items() if name != SHARD}
    source = write_model(tmp_path / "m", {**half, "SHA256SUMS": sums_of(MODEL)})

    with pytest.raises(EngineError, match=rf"lacks {SHARD}"):
        stage(source, tmp_path / "to")


def test_a_disk_without_room_is_said_before_anything_is_copied(tmp_path: Path) -> None:
    source = write_model(tmp_path / "m", MODEL)
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    # A hole: it has a size, but takes no room.
    with (tmp_path / "m" / "huge.safetensors").open("wb") as file:
        file.truncate(2 * free)

    with pytest.raises(EngineError, match=r"need [\d,]+ bytes .* are free: set engine\.weights_di"):
        stage(source, tmp_path / "to")
    assert bytes_in(tmp_path / "to") == 0


def test_a_staged_file_that_lost_its_end_is_copied_anew(store: Store, tmp_path: Path) -> None:
    path = stage(store.url, tmp_path)
    os.truncate(path / SHARD, 5)

    assert read_model(stage(store.url, tmp_path)) == MODEL
    assert store.bytes_given() == SIZE + len(MODEL[SHARD])


def test_verifying_finds_damage_that_sizes_do_not_show_and_has_it_mended(tmp_path: Path) -> None:
    source = write_model(tmp_path / "m", MODEL)
    path = stage(source, tmp_path / "to")
    assert verify(source, tmp_path / "to") == []
    (path / SHARD).write_bytes(b"y" * len(MODEL[SHARD]))

    assert verify(source, tmp_path / "to") == [SHARD]
    assert read_model(stage(source, tmp_path / "to")) == MODEL


def test_what_is_staged_serves_while_its_source_is_away(tmp_path: Path) -> None:
    with serve_files(dict(MODEL)) as store:
        path = stage(store.url, tmp_path)

    assert stage(store.url, tmp_path) == path


@pytest.mark.parametrize("url", ["/nowhere/model", "memory://nowhere", "nosuch://a/b"])
def test_a_source_that_cannot_be_read_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=rf"engine\.weights {url} cannot be read"):
        stage(url, tmp_path)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()

    with pytest.raises(EngineError, match="holds no file"):
        stage(str(tmp_path / "m"), tmp_path / "to")


def test_no_name_leads_out_of_the_folder() -> None:
    assert list(choose_needed(["../../x", "a/../../x", "a/b..c"])) == ["a/b..c"]


def test_a_folder_that_cannot_be_made_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EngineError, match=r"set engine\.weights_directory"):
        stage(str(tmp_path), tmp_path / "file" / "to")


def test_weights_are_kept_on_a_disk_in_a_folder_of_their_owners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    private: list[Path] = []
    monkeypatch.setattr(weights, "make_private", lambda folder, _: private.append(folder))

    assert str(choose_directory("")) == f"/var/tmp/mind-{os.getuid()}/weights"
    assert private == [Path(f"/var/tmp/mind-{os.getuid()}")]
    assert choose_directory("/data/w") == Path("/data/w")


def make_staged_plan(folder: Path, url: str, **changes: object) -> EnginePlan:
    """A plan of an engine that cannot run, so that only the staging is seen."""
    recipe = load_recipe(ENGINES / "llamacpp.toml").model_copy(update={"command": ("/bin/false",)})
    (folder / "e").mkdir(mode=0o700)
    places = {"directory": str(folder / "e"), "weights_directory": str(folder / "w")}
    return make_plan(recipe, **{"weights": url, **places, **changes})


@pytest.fixture
def held(store: Store, tmp_path: Path) -> Iterator[EnginePlan]:
    """A plan whose weights never arrive."""
    store.give = 0
    plan = make_staged_plan(tmp_path, store.url)
    yield plan
    end_processes(processes_of(plan), grace=10)


def test_weights_that_cannot_be_staged_fail_the_engine_in_words(tmp_path: Path) -> None:
    plan = make_staged_plan(tmp_path, "/nowhere/model")

    with pytest.raises(EngineError, match=r"^engine\.weights /nowhere/model cannot be read"):
        attach(plan)
    end_processes(processes_of(plan), grace=10)


def test_weights_that_are_late_fail_the_engine_and_name_the_timeout(held: EnginePlan) -> None:
    with pytest.raises(EngineError, match=r"not staged within engine\.weights_timeout \(2 s\)"):
        attach(held.model_copy(update={"weights_timeout": 2.0}))
    assert not find_running(Path(held.directory), "udfs.engine.weights")


def test_the_copying_ends_with_its_executor(held: EnginePlan) -> None:
    script = (
        "import sys; from udfs.engine.recipes import EnginePlan\n"
        "from udfs.engine.sidecar import attach\n"
        "attach(EnginePlan.model_validate_json(sys.argv[1]))"
    )
    home = str(Path(__file__).parents[2])
    owner = subprocess.Popen(
        [sys.executable, "-c", script, held.model_dump_json()],
        env={**os.environ, "PYTHONPATH": home},
    )
    assert wait_until(lambda: bool(find_running(Path(held.directory), "udfs.engine.weights")), 30)
    owner.kill()
    owner.wait()

    assert wait_until(lambda: not processes_of(held), 15)


def test_tasks_wait_for_weights_as_long_as_they_may_take(tmp_path: Path) -> None:
    plan = make_staged_plan(tmp_path, "s3://models/m", weights_timeout=3600.0)
    bare = plan.model_copy(update={"weights": ""})

    assert longest_start(plan) == longest_start(bare) + 3600


@pytest.mark.engine
def test_an_engine_answers_from_staged_weights(
    embedded_model: Path, tmp_path: Path, embedded_plan: EnginePlan
) -> None:
    changes = {"model": "tiny", "weights": str(embedded_model), "weights_directory": str(tmp_path)}
    plan = embedded_plan.model_copy(update=changes)

    outcome = ask(plan, attach(plan))

    assert outcome.status in {"ok", "length"}
    staged = next(tmp_path.glob(f"*/files/{embedded_model.name}"))
    assert find_running(Path(plan.directory), str(staged))
    assert len(attach(plan).control_tokens) == 17
