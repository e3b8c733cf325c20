"""The file that names pages to withdraw."""

import re

import fsspec

from udfs.errors import UsageError
from udfs.keys import HEX_DIGITS

DOC_ID = re.compile(rf"[0-9a-f]{{{HEX_DIGITS}}}")

Withdrawal = tuple[str | None, str | None, str | None]


def read_withdrawals(location: str) -> list[Withdrawal]:
    """(doc_id, url, reason) of each line of a file, read by any path that fsspec knows.

    Raises UsageError when it cannot be read or names nothing.
    """
    try:
        with fsspec.open(location, "rt", encoding="utf-8") as file:
            found = [parse_line(line) for line in file if line.strip() and line[0] != "#"]
    except (OSError, ValueError) as error:
        raise UsageError(f"ingest.withdraw: {location} cannot be read: {error}") from error
    if not found:
        raise UsageError(
            f"ingest.withdraw: {location} names no page; expected a URL or a doc_id in each line, "
            "a tab and a reason behind it if you like"
        )
    return found


def parse_line(line: str) -> Withdrawal:
    """One withdrawal; 32 hex digits are a doc_id, all else is a URL."""
    name, _, reason = line.strip().partition("\t")
    name = name.strip()
    by_id = DOC_ID.fullmatch(name)
    return (name if by_id else None, None if by_id else name, reason.strip() or None)
