"""Staging: a model's weights from an object store or HDFS onto this host's disk, once per host.

Run by the supervisor as `python -m udfs.engine.weights URL DIRECTORY` before an engine's first
start; prints the path that the engine is to load, or why there is none. People run it to fill a
host beforehand, and with `--verify` to read all that was copied once more.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from udfs.engine.sidecar import make_private
from udfs.engine.weight_copy import Copy
from udfs.engine.weight_files import look_up
from udfs.engine.weight_folder import SETTING, Staging, hash_file
from udfs.errors import EngineError, MindError

LOG = logging.getLogger("weights")


def stage(url: str, directory: Path) -> Path:
    """The local path of the weights at a URL, copied into `directory` unless they are there.

    One process of a host copies, others wait for it. A copy that was cut short goes on where its
    files end, as long as the source lists the same size and version for them; where a filesystem
    tells no version (etag, checksum, time of change), the size alone. Each file is compared with
    its sha256 in a manifest beside the files (weight_files.MANIFESTS); without one only with its
    size. Copies are told from damaged ones by their sizes; `verify` reads them in full. A source
    that cannot be listed is no hindrance once all of it is here.

    Raises EngineError naming the URL, the file and what was expected, or the room that is missing.
    Weights should get a new URL rather than be replaced while engines load them.
    """
    staging = Staging.of(url, directory)
    with staging.lock():
        stamp = staging.read("stamp.json")
        complete = stamp is not None and staging.is_intact(stamp)
        try:
            source = look_up(url)
        except EngineError as error:
            if stamp is None or not complete:
                raise
            LOG.warning("weights=unreachable action=use_staged reason=%r", str(error))
            return staging.path(stamp)
        if stamp is None or not complete or not stamp.lists(source):
            stamp = Copy(staging, source).run()
        LOG.info("weights=ready path=%s", staging.path(stamp))
        return staging.path(stamp)


def verify(url: str, directory: Path) -> list[str]:
    """Names of staged files whose sha256 is not that of what was copied, after reading them all.

    They are removed: the next `stage` copies them anew. Raises EngineError if nothing is staged.
    """
    staging = Staging.of(url, directory)
    with staging.lock():
        stamp = staging.read("stamp.json")
        if stamp is None:
            raise EngineError(f"{staging.home} holds no complete copy of {url}: stage it first")
        damaged = [
            name
            for name, file in stamp.files.items()
            if not (staging.files / name).is_file()
            or hash_file(staging.files / name) != file.sha256
        ]
        for name in damaged:
            (staging.files / name).unlink(missing_ok=True)
        return damaged


def choose_directory(configured: str) -> Path:
    """The folder for weights on this host: the configured one, or one per user below /var/tmp.

    Not below /tmp, which is memory on many systems and empty after each start, nor in a container's
    own folder, which goes with it; /var/tmp is on a disk and stays.
    """
    if configured:
        return Path(configured)
    base = Path("/var/tmp") / f"mind-{os.getuid()}"  # noqa: S108 - made for its owner only
    make_private(base, SETTING)
    return base / "weights"


def main() -> None:
    """Stage or verify; the path, or an error in words, on stdout."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m udfs.engine.weights", description=__doc__)
    parser.add_argument("url", help="as engine.weights")
    parser.add_argument("directory", nargs="?", default="", help=f"as {SETTING}")
    parser.add_argument("--verify", action="store_true", help="read all that was copied")
    options = parser.parse_args()
    try:
        directory = choose_directory(options.directory)
        if options.verify:
            damaged = verify(options.url, directory)
            sys.stdout.write("".join(f"damaged, removed: {name}\n" for name in damaged))
            sys.exit(bool(damaged))
        sys.stdout.write(f"{stage(options.url, directory)}\n")
    except MindError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
