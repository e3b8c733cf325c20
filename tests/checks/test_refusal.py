"""The model declines; people in a lesson only doubt."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
GOES_ON = """
**Student:** I'm sorry, I can't see why that is so.

**Teacher:** Then let us draw the triangle again.

**Student:** Ah, the two angles are the same. I cannot find any text about it in my book.
"""


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I apologize, but this is not possible.",
        "Unfortunately, I do not know how to go on with this.",
        "**Teacher:** I'm sorry, but I can't help with that.",
        "As an AI language model, I have no access to the page.",
        "I cannot fulfill this request." + GOES_ON,
        "I am unable to create a conversation from this page." + GOES_ON,
        "**Teacher:** I can\u2019t create a dialogue without the text. " + GOES_ON,
        "**Teacher:** Please provide the text that I should rewrite." + GOES_ON,
        "No text was provided." + GOES_ON,
        "[I have been unable to write the two-person interview that was asked for.]" + GOES_ON,
        "(No dialogue could be produced from this page.)",
        "It was not possible to make a conversation out of a list of links." + GOES_ON,
    ],
)
def test_a_refusal(text: str, judged: Judge) -> None:
    assert "refusal" in judged(text).reasons


@pytest.mark.parametrize(
    "line",
    [
        "I'm sorry, but I can't see it.",
        "Unfortunately, I cannot divide by zero.",
        "I am not able to do this in my head.",
        "I can't compute the square root, and nobody can provide an exact decimal.",
        "We cannot assume that. Please provide a reason.",
        "There is no solution, so there is nothing to solve here.",
        "The text does not contain any information on the height.",
    ],
)
def test_doubts_of_people_are_no_refusal(line: str, judged: Judge) -> None:
    assert "refusal" not in judged(f"**Teacher:** {line}\n{GOES_ON}").reasons


def test_speakers_who_agree_that_there_is_nothing_to_discuss_refuse(judged: Judge) -> None:
    text = (
        "**Teacher:** It seems that there is nothing to discuss on this page.\n\n"
        "**Student:** You are right, the text does not contain any mathematical content.\n\n"
        "**Teacher:** Only a list of links and dates.\n\n"
        "**Student:** Then let us stop here.\n"
    )

    verdict = judged(text)

    assert (verdict.reasons, verdict.values["nothing_turns"]) == (("refusal",), 2)


def test_a_figure_that_nobody_can_see_leaves_nothing_to_say(judged: Judge) -> None:
    text = (
        "**Teacher:** There is nothing to discuss here, the page has no problem in it.\n\n"
        "**Student:** I see. What about the triangle?\n\n"
        "**Teacher:** Who can tell, without seeing the figure?\n\n"
        "**Student:** Nobody.\n"
    )

    assert judged(text).values["idle_turns"] == 2


def test_one_speaker_who_finds_nothing_is_contradicted(judged: Judge) -> None:
    text = (
        "**Student:** There is nothing to discuss here, the page has no problem.\n\n"
        "**Teacher:** Look again, the second line is one.\n\n"
        "**Student:** Oh, the sum of the odd numbers!\n\n"
        "**Teacher:** And what is the sum of the first three?\n"
    )

    assert judged(text).reasons == ()


EMPTY = {
    "timetable": (
        "Ana: All I see is a bus timetable. Where is the mathematics?",
        "Ben: There's none. Not a single equation in the whole document, as far as I can tell.",
        "Ana: We could add up the departures, but that would be making things up.",
        "Ben: And it isn't a math exercise. I'd rather not pretend.",
        "Ana: Then let's wait for a page that has some math in it.",
        "Ben: Good idea.",
    ),
    "recipe": (
        "**Interviewer:** What can you tell us about the theorem on this page?",
        "**Expert:** It doesn't state any theorem. It looks like a privacy policy.",
        "**Interviewer:** No definition or formula anywhere?",
        "**Expert:** None at all, I'm afraid. It would be impossible to hold a serious interview.",
        "**Interviewer:** So we have to end here.",
        "**Expert:** Yes. Please come back with a proper article.",
    ),
    "sitemap": (
        "Teacher: These are just links, so I cannot teach you anything from them.",
        "Student: Isn't there a problem we could solve?",
        "Teacher: No, the page contains no problems and no explanations.",
        "Student: Okay, so there is nothing for us to work on.",
        "Teacher: Let's stop, then.",
        "Student: See you next week!",
    ),
    "no figure": (
        "**Ines:** I can't answer this without the diagram.",
        "**Omar:** And the second question? It needs a picture as well.",
        "**Ines:** The picture isn't included either.",
        "**Omar:** So there's no exercise here that we could do.",
        "**Ines:** I'd have to guess, and I don't want to invent anything.",
        "**Omar:** Then let's leave it.",
    ),
    "debate": (
        "A: I claim that this footer has no mathematical substance.",
        "B: I wish I could disagree, but there is no argument on the other side.",
        "A: It's only a copyright notice with a year in it.",
        "B: A year isn't mathematics. We can't debate about that.",
        "A: So we agree.",
        "B: We do, and without a real text the debate ends here.",
    ),
    "chemistry": (
        "Prof. Li: Nothing on this page can be discussed by mathematicians.",
        "Prof. Roy: It reads like a catalogue. It only lists titles, and that's all.",
        "Prof. Li: I see no statement in it, let alone a proof.",
        "Prof. Roy: We shouldn't speculate about what the books contain.",
        "Prof. Li: Let's ask for another page.",
        "Prof. Roy: Agreed.",
    ),
}
MEANT = {
    "quintic": (
        "**Teacher:** For degree five there is no formula of this kind, as Abel proved.",
        "**Student:** None at all? Not even a long one?",
        "**Teacher:** No formula that uses only roots. For degree two you know one.",
        "**Student:** And how does one prove that something cannot exist?",
        "**Teacher:** By looking at the symmetries of the roots.",
        "**Student:** So the groups decide, and not our cleverness.",
    ),
    "captain": (
        "**Teacher:** On a ship are 26 sheep and 10 goats. How old is the captain?",
        "**Student:** There isn't anything in it about the captain's age.",
        "**Teacher:** Right, so what do you answer?",
        "**Student:** That it cannot be solved, although one can add 26 and 10.",
        "**Teacher:** Many children add them all the same, and say 36.",
        "**Student:** They think that every problem has an answer.",
    ),
    "missing example": (
        "**Ana:** There is no example for the theorem in the text.",
        "**Ben:** Then let us make one: take the numbers 3, 4 and 5.",
        "**Ana:** The squares are 9, 16 and 25, so it works.",
        "**Ben:** And 5, 12, 13?",
        "**Ana:** 25 and 144 make 169. It works, too.",
        "**Ben:** We should stop here, it's late.",
    ),
    "trivial": (
        "**Teacher:** If the matrix is diagonal, there's nothing to calculate.",
        "**Student:** Because the eigenvalues stand there already?",
        "**Teacher:** Yes. And if it is triangular?",
        "**Student:** The same, so there's no work to do at all.",
        "**Teacher:** And a symmetric one?",
        "**Student:** There one has to find the roots of a polynomial.",
    ),
    "undefined": (
        "**Student:** Isn't there any number that gives 1 when you multiply it by 0?",
        "**Teacher:** There is no such number, so we cannot divide by 0.",
        "**Student:** Could one invent one?",
        "**Teacher:** Then 0 times it would be 1 and 0 at once, which isn't possible.",
        "**Student:** So the question has no answer.",
        "**Teacher:** Exactly, and not because we are lazy.",
    ),
}


@pytest.mark.parametrize("lines", EMPTY.values(), ids=EMPTY)
def test_speakers_may_say_in_any_words_that_a_page_is_empty(
    lines: tuple[str, ...], judged: Judge
) -> None:
    assert "refusal" in judged("\n\n".join(lines)).reasons


@pytest.mark.parametrize("lines", MEANT.values(), ids=MEANT)
def test_what_does_not_exist_may_be_the_subject(lines: tuple[str, ...], judged: Judge) -> None:
    assert "refusal" not in judged("\n\n".join(lines)).reasons
