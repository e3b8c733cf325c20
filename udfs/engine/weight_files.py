"""The files of a model where its users keep them: found, weighed and told apart by version.

Any path or URL that fsspec knows, a folder or a single file. Called by the staging of weights
(udfs/engine/weights.py) on executors, and by `estimate` on the driver.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import fsspec

from udfs.errors import EngineError

# What vLLM does not load, by name below the folder; a star crosses slashes. Meta's folders hold the
# same weights again as original/*.pth, the hub's tools leave .cache and .git, others their formats.
LEFT_OUT = (
    *(".*", "*/.*", "original/*", "*.pth"),
    *("*.h5", "*.msgpack", "*.ot", "*.onnx", "*.onnx_data", "*.tflite"),
    *("*.part", "*._COPYING_"),
)
# The same weights again wherever there are safetensors, which vLLM prefers.
DUPLICATES = ("pytorch_model*.bin", "pytorch_model*.bin.index.json")
MANIFESTS = ("SHA256SUMS", "SHA256SUMS.txt", "sha256sum.txt")
MANIFEST_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(?:\./)?(.+)")
# What changes with a file's content, by the names of filesystems: hashes, then numbers, then times.
VERSIONS = (
    *("ETag", "etag", "md5Hash", "md5", "content_md5", "Content-MD5", "Digest", "checksum"),
    *("blob_id", "generation", "version_id", "VersionId"),
    *("mtime", "modificationTime", "LastModified", "Last-Modified", "last_modified"),
    *("updated", "modified", "created"),
)


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file: `name` below the folder, `path` as its filesystem knows it, `size` in bytes.

    `version` is empty where the filesystem tells nothing that changes with the content, `sha256`
    where no manifest names the file.
    """

    name: str
    path: str
    size: int
    version: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """All files that an engine needs; `entry` is the name of the only one, empty for a folder."""

    url: str
    filesystem: Any
    entry: str
    files: tuple[WeightFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def look_up(url: str) -> Source:
    """The files at a URL as they are now, in the order of their names, without LEFT_OUT.

    A folder on http(s) must end with a slash. A manifest of sha256sum beside the files (MANIFESTS)
    says what their content must be. Raises EngineError for what cannot be read, holds no file, or
    lacks one that its manifest names.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        filesystem.invalidate_cache()
        return find_files(url, filesystem, path)
    except EngineError:
        raise
    except Exception as error:  # each filesystem has errors of its own
        raise EngineError(
            f"engine.weights {url} cannot be read ({type(error).__name__}: {error}): expected a "
            "folder or a file that this host reaches with the credentials of its environment, "
            "and fsspec's driver for it installed"
        ) from error


def find_files(url: str, filesystem: Any, path: str) -> Source:
    """The files below a path, or the one there."""
    # Asked whether it is a folder, http reads all of a file.
    details = {} if path.endswith("/") else filesystem.info(path)
    root, _, name = path.rpartition("/")
    if details.get("type") == "file":
        beside = [f"{root}/{manifest}" for manifest in MANIFESTS]
        # Some stores forbid to look for what is not there.
        sums = read_sums(filesystem, [file for file in beside if filesystem.exists(file)])
        return Source(url, filesystem, name, (describe_file(name, path, details, sums),))
    root = path.rstrip("/")
    found = filesystem.find(path, detail=True)
    paths = {file[len(root) :].lstrip("/"): file for file in found}
    sums = read_sums(filesystem, [file for name, file in paths.items() if name in MANIFESTS])
    check_whole(url, sums, paths)
    files = []
    for name in sorted(choose_needed(paths)):
        told = found[paths[name]]
        full = told if told.get("size") is not None else filesystem.info(paths[name])
        files.append(describe_file(name, paths[name], full, sums))
    if not files:
        raise EngineError(f"engine.weights {url} holds no file, expected those of a model")
    return Source(url, filesystem, "", tuple(files))


def choose_needed(names: Iterable[str]) -> Iterator[str]:
    """The names that an engine needs, none with `..` in it, which begins with a dot."""
    listed = [name for name in names if name and not name.endswith("/")]
    twice = DUPLICATES if any(name.endswith(".safetensors") for name in listed) else ()
    for name in listed:
        if not any(fnmatchcase(name, pattern) for pattern in (*LEFT_OUT, *twice)):
            yield name


def describe_file(
    name: str, path: str, details: dict[str, Any], sums: dict[str, str]
) -> WeightFile:
    """A file from what its filesystem says of it; raises EngineError where that is no size."""
    size = details.get("size")
    if size is None:
        raise EngineError(f"engine.weights: {path} has no size, expected a server that tells it")
    return WeightFile(name, path, int(size), read_version(details), sums.get(name, ""))


def read_version(details: dict[str, Any]) -> str:
    """What changes with a file's content, as its filesystem tells it; empty where it does not."""
    known = [f"{name}={details[name]}" for name in VERSIONS if details.get(name)]
    return known[0] if known else ""


def read_sums(filesystem: Any, manifests: Iterable[str]) -> dict[str, str]:
    """The sha256 of each file by its name in manifests of sha256sum."""
    sums: dict[str, str] = {}
    for manifest in manifests:
        lines = filesystem.cat_file(manifest).decode("utf-8").splitlines()
        found = [match for line in lines if (match := MANIFEST_LINE.fullmatch(line.strip()))]
        sums |= {match[2]: match[1].lower() for match in found}
    return sums


def check_whole(url: str, sums: Iterable[str], paths: Iterable[str]) -> None:
    """Raise EngineError when a file of the manifest is not there: the upload was cut short."""
    if missing := sorted(set(choose_needed(sums)) - set(paths)):
        raise EngineError(
            f"engine.weights {url} lacks {', '.join(missing)}, which its manifest names: upload "
            "what is missing, or mend the manifest"
        )
