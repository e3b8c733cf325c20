"""What spark-submit runs on a cluster: the driver of one job.

In YARN's cluster mode it runs in a container that has the package as a .zip and no checkout: then
the settings that travel in the package are unpacked first, since whoever reads them reads files.
"""

import os
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

# Python puts this file's folder first, and with it modules called like Spark's and Python's own.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).parent]

import spark_jobs  # noqa: E402 - now it is the package

PACKED = "spark_jobs/conf/"


def main() -> int:
    """Run the job that the command line names; the exit code."""
    restore_stderr()
    archive = Path(spark_jobs.__file__).parents[1]
    if "MIND_CONF" not in os.environ and archive.is_file():
        os.environ["MIND_CONF"] = str(unpack_conf(archive))
    from spark_jobs.__main__ import run

    return run(sys.argv[1:])


def restore_stderr() -> None:
    """Write to the stderr of whoever submitted: spark-submit puts ours into its stdout.

    MIND_STDERR names it. Where it cannot be opened, a socket say, all goes to stdout.
    """
    with suppress(KeyError, OSError):
        os.dup2(os.open(os.environ["MIND_STDERR"], os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())


def unpack_conf(archive: Path) -> Path:
    """The settings of a package, unpacked into the container's own folder."""
    folder = Path(tempfile.mkdtemp(prefix="mind-conf-", dir="."))
    with zipfile.ZipFile(archive) as package:
        package.extractall(folder, [n for n in package.namelist() if n.startswith(PACKED)])
    return (folder / PACKED).resolve()


if __name__ == "__main__":
    sys.exit(main())
