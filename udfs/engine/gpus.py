"""Which GPUs an engine gets, and who sits on them already.

Called by tasks before they attach to their engine (which GPUs), and before an engine is started
(are they free). GPUs are named as CUDA_VISIBLE_DEVICES names them: an index in the order of the PCI
bus, or a UUID. CUDA counts in that order only with CUDA_DEVICE_ORDER=PCI_BUS_ID in the engine's
environment; nvidia-smi always does.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from udfs.errors import EngineError

SMI_SECONDS = 30.0  # nvidia-smi takes several where drivers are not kept loaded
ADVICE = (
    "let conf/discover_gpus.sh find the GPUs (spark.executor.resource.gpu.discoveryScript, on a "
    "standalone cluster spark.worker.resource.gpu.discoveryScript), and give an executor a "
    "multiple of the GPUs of one engine"
)
HIDDEN = "a process that nvidia-smi does not show: another container or user?"


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """The memory of one GPU as nvidia-smi tells it, in MiB."""

    index: str
    uuid: str
    used: int
    total: int


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU; `used` is in MiB, None where the driver does not say."""

    gpu_uuid: str
    pid: str
    name: str
    used: int | None


def read_task_gpus() -> tuple[str, ...]:
    """The addresses of Spark's resource `gpu` that this task holds.

    Empty outside a task, and where the session asks for no GPUs.
    """
    from pyspark import TaskContext

    context = TaskContext.get()
    gpu = context.resources().get("gpu") if context else None
    return tuple(gpu.addresses) if gpu else ()


def engine_gpus(addresses: Sequence[str], *, visible: str | None, size: int) -> tuple[str, ...]:
    """The GPUs of the one engine of a task that holds these addresses of Spark's resource `gpu`.

    `visible` is the executor's CUDA_VISIBLE_DEVICES, None where it has none; `size` the GPUs of one
    engine. A task with fewer addresses shares its engine with others: the executor's GPUs are cut
    into blocks of `size`, and all tasks of a block get the same answer. Without addresses it is
    empty: the engine takes what it sees. Raises EngineError for addresses that do not fit.
    """
    if not addresses:
        return ()
    entries = None if visible is None else split_entries(visible)
    places = [place for address in addresses if (place := find_place(address, entries)) is not None]
    if len(places) < len(addresses) < size:
        # A UUID says which GPU it is, but not which are its neighbours.
        raise misfit(f"{size} addresses, or indices, or entries of it", addresses, visible)
    if len(places) < len(addresses):
        return tuple(addresses[:size])
    if len(set(places)) < len(places):
        raise misfit("addresses of different GPUs", addresses, visible)
    block = choose_block(sorted(places), size)
    if entries is not None and block[-1] >= len(entries):
        raise misfit(f"at least {block[-1] + 1} entries in it", addresses, visible)
    return tuple(str(place) if entries is None else entries[place] for place in block)


def split_entries(visible: str) -> list[str]:
    """The entries of a CUDA_VISIBLE_DEVICES, in their order; none where it hides all GPUs."""
    return [entry.strip() for entry in visible.split(",") if entry.strip()]


def find_place(address: str, entries: Sequence[str] | None) -> int | None:
    """Where a GPU stands among those that the executor sees; None for a UUID not listed there."""
    if entries is not None and address in entries:
        return entries.index(address)
    return int(address) if address.isdecimal() else None


def choose_block(places: Sequence[int], size: int) -> list[int]:
    """The places of an engine's GPUs: the first ones if they suffice, else their aligned block."""
    if len(places) >= size:
        return list(places[:size])
    start = places[0] // size * size
    return list(range(start, start + size))


def misfit(expected: str, addresses: Sequence[str], visible: str | None) -> EngineError:
    """The error of addresses that name no engine's GPUs."""
    seen = "not set" if visible is None else repr(visible)
    return EngineError(
        f"a task holds the GPU addresses {', '.join(addresses)} where CUDA_VISIBLE_DEVICES is "
        f"{seen}, expected {expected}: {ADVICE}"
    )


def find_full(gpus: Sequence[str], *, limit: float = 0.1) -> str:
    """Who holds memory on GPUs that an engine is about to take, one line a GPU; empty if nobody.

    A GPU is full above `limit`, a part of its memory; the rest is what a display or a driver takes.
    What cannot be asked is not judged, MIG devices for one, or anything where nvidia-smi is missing
    or fails: then the engine's own error speaks.
    """
    memory = read_memory() if gpus else []
    rows = [(gpu, row) for gpu in gpus if (row := find_row(gpu, memory)) is not None]
    full = [(gpu, row) for gpu, row in rows if row.used > limit * row.total]
    processes = read_processes() if full else []
    return "\n".join(describe_full(gpu, row, processes, limit) for gpu, row in full)


def find_row(gpu: str, memory: Sequence[GpuMemory]) -> GpuMemory | None:
    """The row of an entry of CUDA_VISIBLE_DEVICES, which may be the head of a UUID."""
    by_uuid = gpu.startswith("GPU-")
    for row in memory:
        if (by_uuid and row.uuid.startswith(gpu)) or gpu == row.index:
            return row
    return None


def describe_full(gpu: str, row: GpuMemory, processes: Sequence[GpuProcess], limit: float) -> str:
    """What a person must know to free one GPU."""
    holders = [process for process in processes if process.gpu_uuid == row.uuid]
    names = [f"pid {holder.pid} ({holder.name})" for holder in holders]
    hidden = row.used - explained(holders, row) > limit * row.total
    if hidden:
        names.append(HIDDEN)
    label = row.index if gpu == row.index else f"{row.index} ({row.uuid})"
    end = " End" if hidden else ": end"
    what = "that process" if len(names) == 1 else "these processes"
    return (
        f"GPU {label} has {row.used:,} of {row.total:,} MiB in use by {' and '.join(names)}"
        f"{end} {what} or give Spark another GPU"
    )


def explained(holders: Sequence[GpuProcess], row: GpuMemory) -> int:
    """The MiB that known processes hold; all in use, where one of them does not say."""
    return sum(row.used if holder.used is None else holder.used for holder in holders)


def read_memory() -> list[GpuMemory]:
    """The memory of the host's GPUs; those left out that do not tell it."""
    rows = ask_smi("--query-gpu=index,uuid,memory.used,memory.total")
    return [
        GpuMemory(row[0], row[1], used=int(row[2]), total=int(row[3]))
        for row in rows
        if len(row) == 4 and row[2].isdecimal() and row[3].isdecimal()
    ]


def read_processes() -> list[GpuProcess]:
    """The processes that compute on the host's GPUs, as far as this container may see them."""
    rows = ask_smi("--query-compute-apps=gpu_uuid,pid,process_name,used_memory")
    return [parse_process(row) for row in rows if len(row) >= 4]


def parse_process(row: Sequence[str]) -> GpuProcess:
    """A process from its fields, of which a comma in its name makes more than four."""
    uuid, pid, *name, used = row
    program = ", ".join(name).rsplit("/", 1)[-1]
    return GpuProcess(uuid, pid, program, used=int(used) if used.isdecimal() else None)


def ask_smi(query: str) -> list[list[str]]:
    """The rows that nvidia-smi answers; none where it is missing, fails or takes too long."""
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=SMI_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return []
    lines = done.stdout.decode(errors="replace").splitlines()
    return [[field.strip() for field in line.split(",")] for line in lines]
