"""Good dialogues full of traps: every one is accepted, with no reason at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from udfs.checks.preamble import strip_preamble
from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
GOOD = sorted(Path(__file__).with_name("good").glob("*.txt"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_dialogue_is_accepted(path: Path, judged: Judge) -> None:
    verdict = judged(path.read_text())

    assert (verdict.reasons, verdict.accepted) == ((), True)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_dialogue_loses_nothing_as_its_preamble(path: Path) -> None:
    assert strip_preamble(path.read_text()) == ("", path.read_text())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_first_half_of_a_sentence_is_truncated(path: Path, judged: Judge) -> None:
    cut = path.read_text().rstrip() + "\n\n**Teacher:** And if we now look at the other"

    assert judged(cut).reasons == ("truncated",)
