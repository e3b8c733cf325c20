"""Speakers who talk about the text they were made from."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
LESSON = """\
**Teacher:** {} What is the sum of the angles in a triangle?

**Student:** Two right angles, as we saw with the parallel line.

**Teacher:** And in a square?

**Student:** A square is two triangles, so it must be four.
"""


@pytest.mark.parametrize(
    "line",
    [
        "The text above is about angles.",
        "Let us look at the above text.",
        "As the document says, angles add up.",
        "According to the passage, angles add up.",
        "This is mentioned in the text.",
        "In this conversation we talk about angles.",
        "This passage explains angles.",
        "The text below is short.",
        "This is a conversation about angles.",
        "Now the second speaker asks.",
        "The text doesn't say why.",
        "The text doesn\u2019t say why.",
        "The page only states the result.",
        "In this article we add angles.",
        "The provided text is short.",
        "You know the text that you gave me.",
        "The excerpt leaves that open.",
        "This page has a theorem on angles.",
        "The page contains no problem for us.",
        "Let me retell the text in short.",
        "I give a reason from the text.",
        "We shall discuss the text.",
        "The author then says that angles add up.",
        "In the second paragraph angles are added.",
        "As mentioned above, angles add up.",
        "Now we rewrite it as a dialogue.",
        "The provided information is scarce.",
    ],
)
def test_talk_about_the_text_is_tagged(line: str, judged: Judge) -> None:
    verdict = judged(LESSON.format(line))

    assert (verdict.reasons, verdict.tags) == ((), ("meta_text",))
    assert verdict.values["meta_phrases"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "I'm a language model and have no favourite number.",
        "As a chatbot I cannot draw it.",
        "The user wants eight turns, so one more question.",
        "The prompt says that I make a mistake.",
        "They told us to have at least ten turns.",
        "As described in the source, angles add up.",
        "The context never says why.",
        "The picture is not included, alas.",
        "The given text doesn't go that far.",
        "That is beyond the scope of the text.",
    ],
)
def test_who_asked_who_answers_and_what_was_given_are_tagged(line: str, judged: Judge) -> None:
    assert judged(LESSON.format(line)).tags == ("meta_text",)


@pytest.mark.parametrize(
    "aside",
    [
        "P.S. I changed the order of the two steps.",
        "*Disclaimer: the speakers are not real.*",
        "[The names have been invented.]",
        "I hope that is what you were looking for.",
        "Would you like me to add a second example?",
        "Feel free to adapt the level.",
        "(End of the interview.)",
        "The conversation above covers all of the points.",
        "I have left out the second proof. Let me know if it is needed.",
    ],
)
def test_notes_outside_of_speech_are_tagged(aside: str, judged: Judge) -> None:
    verdict = judged(f"{LESSON.format('')}\n{aside}\n")

    assert (verdict.reasons, verdict.tags) == ((), ("meta_text",))


@pytest.mark.parametrize(
    "line",
    [
        "Let me know if you are stuck.",
        "I hope that helps. Feel free to ask.",
        "As an aid we draw a line, and I'm a bit tired.",
        "The instructions of the game are short, and the light source is far away.",
        "In this context an angle is a number, and the input of the machine is 3.",
        "The graph is not shown to cross the axis by this argument alone.",
        "A user has 4 passwords.",
        "Note that the sum is even.",
        "The end of the interview was at noon.",
    ],
)
def test_people_hope_and_note_and_use_contexts(line: str, judged: Judge) -> None:
    assert judged(LESSON.format(line)).tags == ()


@pytest.mark.parametrize(
    "line",
    [
        "The pattern occurs twice in the text, at the first and the third place.",
        "The given text has a hundred letters, the pattern two.",
        "Each word of the document counts once.",
        "Turn the page, please.",
        "The diagram above shows it.",
        "As the theorem says, angles add up.",
        "We pass to the limit, a passage to infinity.",
        "In our discussion of lines we saw it.",
        "The loudspeaker in the second row is louder.",
        "Let $x_{\\text{above}}$ be the text.",
        "`the text above` is a string.",
        "The page is about 20 cm wide.",
        "The page has no margin, and the text contains no comma.",
        "The passage to the limit is allowed, the passage of time is not.",
        "He wrote an article in 1905, and a document was found.",
        "The debate of the two was long, like every discussion.",
        "My half of the text says so.",
        "A conversation with you is a pleasure.",
        "As shown above, the sum is even.",
        "This section of the track is 3 km long.",
        "The text contains no words of three letters.",
    ],
)
def test_texts_and_pages_may_be_the_subject(line: str, judged: Judge) -> None:
    assert judged(LESSON.format(line)).tags == ()


def test_each_phrase_counts(judged: Judge) -> None:
    line = "The text above says it, as the passage states."

    assert judged(LESSON.format(line)).values["meta_phrases"] == 2


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("We look at the text from the left.", "How often does a pattern occur in a text?"),
        ("This page is the first.", "Pages 7 to 12 have two digits at most."),
        ("It is the next word in the document.", "Each document counts its words."),
        ("Count the words of the excerpt.", "A random excerpt has 40 words."),
        ("How likely is a visit of the web page?", "A surfer chooses among web pages."),
        ("How often is it in the given document?", "The weight of a word in a document."),
        ("The next speaker has 4 places left.", "In how many orders can five speakers talk?"),
        ("Topics summarize the document.", "Each document is a mixture of topics."),
    ],
)
def test_what_the_source_speaks_of_is_its_subject(line: str, source: str, judged: Judge) -> None:
    assert judged(LESSON.format(line), source=source).values["meta_phrases"] == 0
    assert judged(LESSON.format(line)).values["meta_phrases"] == 1
