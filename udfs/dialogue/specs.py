"""Specs: one way of asking, in full - style, prompt, model and sampling - and its identity."""

import json
from dataclasses import dataclass

from udfs.dialogue.inpainting import assemble_dialogue
from udfs.dialogue.prompts import prompt_hash, render
from udfs.dialogue.styles import Style
from udfs.keys import content_key


@dataclass(frozen=True)
class Spec:
    """One way of asking; two that differ in nothing but a comment are the same.

    `frame` is the message around page and instruction; `sampling` holds the settings that shape
    how tokens are drawn.
    """

    style: Style
    frame: str
    with_opening: bool
    model: str
    model_revision: str
    quantisation: str
    sampling: dict[str, float]

    @property
    def prompt_hash(self) -> str:
        """The identity of the rendered messages and of what is made of the answer."""
        return prompt_hash(self.frame, self.style, with_opening=self.with_opening)

    @property
    def spec_id(self) -> str:
        """H(style, prompt_hash, model, model_revision, quantisation, sampling)."""
        sampling = json.dumps(self.sampling, sort_keys=True)
        model = (self.model, self.model_revision, self.quantisation)
        return content_key(self.style.name, self.prompt_hash, *model, sampling)

    def messages(self, document: str) -> list[dict[str, str]]:
        """The chat messages that ask for one dialogue about a document."""
        return render(self.frame, document, self.style, with_opening=self.with_opening)

    def read_dialogue(self, document: str, answer: str) -> str:
        """The dialogue in a model's answer: the answer itself, unless the style has it put together
        from answer and document; never raises.
        """
        if not self.style.assembly:
            return answer
        return assemble_dialogue(document, answer, self.style.labels)


def generation_key(chunk_id: str, spec_id: str, sample: int) -> str:
    """H(chunk_id, spec_id, sample): the identity of one wanted dialogue."""
    return content_key(chunk_id, spec_id, str(sample))
