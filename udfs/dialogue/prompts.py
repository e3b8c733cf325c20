"""Prompts: the chat messages that ask for one chunk in one style.

The frame is a setting (`[generate] prompt`) with two markers, `$document` above `$instruction`:
what comes before the instruction is the same for all styles of a chunk, so that an engine with
a prefix cache reads a chunk once for all of them.
"""

import difflib
import re

from udfs.dialogue import inpainting
from udfs.dialogue.styles import Style
from udfs.keys import content_key

DOCUMENT = "$document"
INSTRUCTION = "$instruction"
MARKER = re.compile(r"\$(?:document|instruction)\b")


def check_frame(frame: str) -> None:
    """Raise ValueError naming all that is wrong with a frame.

    Each marker must be there exactly once, `$document` before `$instruction`.
    """
    found = MARKER.findall(frame)
    problems = [
        f"expected {marker} exactly once, found it {found.count(marker)} times"
        + _suggest(marker, frame)
        for marker in (DOCUMENT, INSTRUCTION)
        if found.count(marker) != 1
    ]
    if found == [INSTRUCTION, DOCUMENT]:
        problems.append(f"expected {DOCUMENT} before {INSTRUCTION}: styles share what comes before")
    if problems:
        raise ValueError("prompt: " + "; ".join(problems))


def render(frame: str, document: str, style: Style, *, with_opening: bool) -> list[dict[str, str]]:
    """The chat messages for one chunk in one style: no system message, one user message.

    The document is inserted verbatim, whatever markers, braces or dollars it holds; blank space
    around the frame and the instruction is an accident of their files and left out.
    `with_opening` adds a last assistant message holding the style's opening, if it has one, for
    the model to continue.
    """
    parts = {DOCUMENT: document, INSTRUCTION: render_instruction(style, document)}
    # One pass over the frame alone: a marker inside the page or the instruction stays text.
    content = MARKER.sub(lambda marker: parts[marker.group()], frame.strip())
    messages = [{"role": "user", "content": content}]
    if with_opening and style.opening:
        messages.append({"role": "assistant", "content": style.opening})
    return messages


def render_instruction(style: Style, document: str) -> str:
    """A style's instruction, with the document's parts where the style puts dialogues together."""
    instruction = style.instruction.strip()
    if not style.assembly:
        return instruction
    return instruction.replace(inpainting.PARTS, inpainting.number_parts(document))


def count_copies(style: Style) -> int:
    """How often a prompt of this style holds its document: once more where its parts are shown."""
    return 2 if style.assembly else 1


def prompt_hash(frame: str, style: Style, *, with_opening: bool) -> str:
    """Identifies what a style sends to the model, whichever page it is sent with.

    It covers the rendered messages, and what else makes a dialogue of the answer where a style has
    it put together: a comment in a style's file, its `participants` or its thresholds change
    nothing that has been paid for.
    """
    messages = render(frame, DOCUMENT, style, with_opening=with_opening)
    assembly = (style.assembly, str(inpainting.VERSION), *style.labels) if style.assembly else ()
    return content_key(*(part for message in messages for part in message.values()), *assembly)


def _suggest(marker: str, frame: str) -> str:
    """What in the frame may have been meant as the marker that is not there."""
    near = difflib.get_close_matches(marker, re.findall(r"\$\w+", MARKER.sub("", frame)), n=1)
    return f" (is {near[0]} a misspelling?)" if near else ""
