"""What people see, on stderr: steps, progress, tables. stdout is for the jobs' JSON lines."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

SCREEN = Console(stderr=True, highlight=False, soft_wrap=True)
PLAIN_SECONDS = 15.0  # between two progress lines in a log


def say(text: str) -> None:
    """One line for people; square brackets are text, not markup."""
    SCREEN.print(text, markup=False)


def warn(text: str) -> None:
    """One line that wants attention."""
    SCREEN.print(f"warning: {text}", style="yellow", markup=False)


def say_error(text: str) -> None:
    """Why a job failed."""
    SCREEN.print(f"error: {text}", style="red", markup=False)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table with numbers on the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    listed = [list(row) for row in rows]
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], (int, float)) for row in listed)
        table.add_column(column, justify="right" if numeric and listed else "left")
    for row in listed:
        table.add_row(*(format_cell(cell) for cell in row))
    SCREEN.print(table)


def format_cell(cell: Any) -> str:
    """A number with thousands separators, anything else as it is."""
    if isinstance(cell, bool) or cell is None:
        return str(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.2f}" if isinstance(cell, float) else str(cell)


def describe_seconds(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def print_result(result: Mapping[str, Any]) -> None:
    """A job's JSON line on stdout."""
    sys.stdout.write(json.dumps(result, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


class ProgressLine:
    """One line on a terminal that keeps changing; a plain line now and then in a log."""

    def __init__(self) -> None:
        self.live = SCREEN.is_terminal
        self.printed_at = 0.0
        self.text = ""

    def show(self, text: str) -> None:
        """The newest state of things."""
        if self.live:
            SCREEN.file.write("\r\x1b[2K" + text[: SCREEN.width - 1])
            SCREEN.file.flush()
        elif text != self.text and time.monotonic() - self.printed_at >= PLAIN_SECONDS:
            say(text)
            self.printed_at = time.monotonic()
        self.text = text

    def say(self, text: str) -> None:
        """A line of its own, above the one that changes."""
        if self.live and self.text:
            SCREEN.file.write("\r\x1b[2K")
        say(text)

    def close(self) -> None:
        """Leave the line behind."""
        if self.live and self.text:
            SCREEN.file.write("\n")
            SCREEN.file.flush()
