"""The folder of an export: unfinished until its manifest is there, which is written last."""

import json
from typing import Any

import fsspec

from udfs.engine.spool import write_whole
from udfs.errors import UsageError

MANIFEST = "manifest.json"
STARTED = "_unfinished.json"
DATA = "data"
CARD = "README.md"


class ExportFolder:
    """A folder that fsspec reaches, and the one export in it."""

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/")
        self.filesystem, self.path = fsspec.core.url_to_fs(self.location)

    @property
    def data(self) -> str:
        """Where the shards go."""
        return f"{self.location}/{DATA}"

    def manifest(self) -> dict[str, Any] | None:
        """What a finished export says of itself; null while there is none."""
        path = f"{self.path}/{MANIFEST}"
        if not self.filesystem.exists(path):
            return None
        found: dict[str, Any] = json.loads(self.filesystem.cat_file(path))
        return found

    def begin(self, export_id: str) -> None:
        """Make the folder ready to be written; an export that was not finished starts anew.

        Raises UsageError when anything else is there.
        """
        started = f"{self.path}/{STARTED}"
        there = self.filesystem.exists(self.path) and self.filesystem.ls(self.path, detail=False)
        if there and not self.filesystem.exists(started):
            raise UsageError(
                f"export.output {self.location} is not empty, expected a new folder or one in "
                "which an export was not finished: choose another, or remove it"
            )
        self.filesystem.makedirs(self.path, exist_ok=True)
        self.write(STARTED, {"export_id": export_id})
        if self.filesystem.exists(f"{self.path}/{DATA}"):
            self.filesystem.rm(f"{self.path}/{DATA}", recursive=True)
        self.filesystem.makedirs(f"{self.path}/{DATA}", exist_ok=True)

    def finish(self, manifest: dict[str, Any], card: str) -> None:
        """Write the data card and, as the last, the manifest."""
        self.filesystem.pipe_file(f"{self.path}/{CARD}", card.encode())
        self.remove_leftovers({file["file"] for file in manifest["files"]})
        self.write(MANIFEST, manifest)
        self.filesystem.rm(f"{self.path}/{STARTED}")

    def remove_leftovers(self, files: set[str]) -> None:
        """Delete what attempts that died, or were second, have left beside the files."""
        for path in self.filesystem.ls(f"{self.path}/{DATA}", detail=False):
            if path.rsplit("/", 1)[-1] not in files:
                self.filesystem.rm(path)

    def write(self, name: str, content: dict[str, Any]) -> None:
        """A JSON file, whole or not at all."""
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_whole(f"{self.location}/{name}", text.encode())
