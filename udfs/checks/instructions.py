"""Sentences and lines that tell how a dialogue is to be written, for `prompt_leak`.

Our own list of kinds, not of prompts: what somebody is, what he must do, what is to be made, how
long it must be, and the frames that prompts and their examples come in. A teacher tells a student
what to do as well, so most count only outside of speech (`Dialogue.asides`), and a weak one only
together with another. Speakers who talk about their instruction are known by how many of its
subjects come together in one sentence.
"""

import re

from udfs.checks.base import Dialogue, mask

TALK = r"(?:conversation|dialog(?:ue)?|discussion|debate|interview|transcript|role-?play)s?"
PERSON = (
    r"(?:speaker|participant|debater|character|persona|student|teacher|pupil|tutor|lay(?:man|woman"
    r"|person)|beginner|novice|expert|know-(?:it-)?all|interviewer|interviewee|professor|colleague"
    r"|side|person|people)s?"
)
SOURCE = (
    r"(?:(?:source|given|original|provided|web|input|reference) (?:text|page|material|document)"
    r"|source|passage|material|context|document|excerpt|(?:the|this|my) text)"
)
TURNS = r"(?<!quarter )(?<!half )(?<!full )turns(?! (?:the|it|an?|into|out|to|left|right|\$))"
# What only somebody who writes a dialogue deals with.
FORM = (
    rf"(?:{TALK}|{TURNS}|speakers?|participants|labels?|stage directions|narration|latex|markdown"
    rf"|headings?|these (?:rules|instructions)|the (?:prompt|output)|{SOURCE}"
    r"|(?:an? )?(?:facts?|examples?|information|knowledge|numbers)"
    r"(?: of your own| that (?:is|are) not| from outside| beyond))"
)
MAKE = (
    r"(?:re-?write|write|convert|turn|transform|re-?phrase|paraphrase|re-?tell|generate|create"
    r"|produce|compose|make|continue|simulate)"
)
ORDER = (
    r"(?:please |always |also |only |just |now |never |do not |don't |avoid |make sure|be sure"
    r"|ensure|remember)*"
)
DO = (
    rf"(?:{MAKE}|keep|stay|stick|use|include|add|invent|mention|introduce|give|let|begin|start|end"
    r"|close|base|label|follow|preserve|maintain|omit|limit|output|return|respond|format|refer"
    r"|cover|avoid|no|adding|inventing|mentioning|using)"
)
MUST = (
    r"(?:should|must|may|shall|needs? to|ha(?:s|ve) to|(?:is|are) (?:to|supposed to|expected to"
    r"|allowed to)|can(?:not|'t)?|do(?:es)?(?: not|n't)|never|always|will)"
)
SPEAK = (
    r"(?:ask|explain|answer|use|speak|talk|respond|reply|mention|make|hold|correct|greet|address"
    r"|introduce|challenge|interrupt|begin|start|end|take turns|guide|lead|agree|disagree|sound"
    r"|stay"
    r"|stick|refer|add|summari[sz]e|know|repeat|give|be)"
)
ASKS = (
    r"(?:asks?|explains?|answers?|corrects?|challenges?|interrupts?|guides?|learns?|knows?|helps?"
    r"|leads?|summari[sz]es?|responds?|responsible|speaks?|doubts?|is (?:patient|curious|less|more"
    r"|new|often|sometimes)|proposes?|checks?)"
)
START = r"(?:^|(?<=[.!?;:])[ \t]+|\n)[ \t>*_(\[-]*(?:\(?\d{1,2}[.)] |[•+] )?[ \t]*"
FLAGS = re.IGNORECASE
# Each alone shows that a prompt was copied.
STRONG = re.compile(
    rf"{START}(?:"
    r"(?:you are|you're|act as|pretend to be) (?:now |playing )?(?:an? |the |two )?"
    r"(?:[\w-]+[ ,]+){0,3}?(?:expert|assistant|teacher|tutor|writer|author|editor|mathematician|ai"
    r"|model|professor|playwright|speaker|interviewer|student|host)s?"
    r"(?: \w+)? (?:who|that|which|whose|in|with|tasked|speciali\w+|having|discussing|talking"
    r"|writing)\b|(?:your|the) (?:task|job|goal|role|assignment) (?:is|will be) to (?:\w+ )?"
    rf"(?:play|act as|simulate|{MAKE}\b[^.!?\n]{{0,60}}?"
    rf"(?:{TALK}|{SOURCE}|pages?|texts?|speakers))\b"
    rf"|{ORDER}{MAKE}\b[^.!?\n]{{0,80}}?\b(?:{TALK}|multi-turn|{TURNS})\b)",
    FLAGS,
)
WEAK = re.compile(
    rf"{START}{ORDER}{DO}\b[^.!?\n]{{0,60}}?\b{FORM}\b"
    rf"|\b(?:the|both|each|one|two|all|either|every|no)(?: of the)? (?:\w+ )?{PERSON}"
    rf" (?:\w+ ){{0,2}}?{MUST} (?:\w+ ){{0,3}}?{SPEAK}\b"
    rf"|\b(?:the|both|each|two|one) (?:\w+ )?{PERSON}(?: of them)?(?: \w+)? {ASKS}\b"
    rf"|\b(?:turns?|{TALK}|tone|language|information|answers?|speakers?)"
    r" (?:should|must|may) (?:not |only |always )?"
    r"(?:be|have|use|contain|sum|end|begin|start|stay)\b"
    r"|\b(?:at least|at most|no more than|exactly|about|between|up to) \d+ (?:(?:to|and) \d+ )?"
    r"(?:turns|words|exchanges|lines each)\b"
    r"|(?:^|\n)[ \t*#>\[(]*(?:system|instructions?|guidelines?|rules|requirements?|constraints?"
    r"|reminder|output format|format|prompt|task)\b[^\n:.]{0,40}:",
    FLAGS,
)
# The headings of examples in a prompt; two kinds stand close together.
FIELDS = (
    *("document", "passage", "context", "text", "dialogue", "conversation", "transcript"),
    *("instruction", "prompt", "style", "format", "example"),
)
FIELD = re.compile(
    rf"^[ \t*#>]*(?:source |input |output )?({'|'.join(FIELDS)})s?(?: \d+)?\**[ \t]*:",
    FLAGS | re.MULTILINE,
)
TAG = re.compile(
    r"</?(?:conversation|dialogue|discussion|debate|interview|requirements?|instructions?|context"
    r"|document|passage|task|rules|response|answer|system|user|assistant|prompt|examples?|format"
    r"|style|turns?|speaker|think|thinking|reasoning|output_format|source_text)(?:[ \t][^<>\n]*)?>",
    FLAGS,
)
RECORD = re.compile(
    r"^[ \t]*[\[{]+\s*\"(?:system|role|content|style|instructions?|prompt|messages?|dialogue|turns"
    r"|conversation|speakers?|context|task|text|input|output|response|user|assistant)\"\s*:",
    FLAGS | re.MULTILINE,
)
STRONG_WEIGHT = 2
# What instructions are about. Those of `ABOUT_FORM` are hardly ever a subject of mathematics.
SUBJECTS = {
    "talk": r"(?:conversation|dialog(?:ue)?|debate|interview|role-?play|transcript)s?"
    r"|exchange (?:between|of)",
    "form": r"in bold|bold (?:letters|face|type|names?)|speakers?'?s? names?|names of the speakers?"
    r"|markdown|bullet points?|headings?|output|at least \w+ turns|turns? each|\d+ words"
    r"|(?:use|in) latex|latex for|stage directions?|labels?",
    "source": r"(?:the|this|given|original|source|following) (?:text|passage|material|content"
    r"|document|excerpt|source)|provided|context",
    "keep": r"keep(?:ing)? (?:all|every|the formulas?)|preserv(?:e|ing)|omit(?:ting)?"
    r"|leav(?:e|ing) out|add(?:ing)? (?:any|no|nothing|anything)|nothing added|nothing that is"
    r"|beyond the|faithful|stay(?:ing)? true|stick to|skip any|not skip|introduced?|summari[sz]e"
    r"|invent|grounded|not mention|using only|only the",
    "must": r"must|should(?:n't)?|has to|have to|had to|supposed to|asked to|told|instruct(?:ed"
    r"|ions?)|requested|guidelines?|requirements?|our task|remind(?:ed)?|allowed|expected to",
    "who": r"both (?:speakers|students|sides|professors|participants)|participants?|neither side"
    r"|the (?:interviewer|interviewee|teacher|student|layman|know-all|debaters?|professors"
    r"|speakers?|students)|each (?:speaker|of us|side)",
    "make": r"rewrite|rephrase|turn (?:this|the)|convert|write an?|transform",
}
ABOUT = tuple(re.compile(rf"\b(?:{words})\b") for words in SUBJECTS.values())
ABOUT_FORM = re.compile(rf"\b(?:{SUBJECTS['talk']}|{SUBJECTS['form']}|{SUBJECTS['source']})\b")
SENTENCE_END = re.compile(r"(?<=[.!?])[\s)\]]+|\n+")
LONGEST_SENTENCE = 500  # characters; what is longer is no sentence of an instruction


def weigh(dialogue: Dialogue) -> int:
    """The weight of what tells how to write a dialogue: strong signs count double.

    What the source says in the same words is its subject.
    """
    weight = STRONG_WEIGHT * count_frames(dialogue)
    # Who announces a dialogue says what its speakers do as well.
    weight += STRONG_WEIGHT * len(STRONG.findall(dialogue.preamble))
    return weight + sum(weigh_aside(aside, dialogue.source) for aside in dialogue.asides)


def weigh_aside(text: str, source: str) -> int:
    """The weight of a paragraph outside of speech."""
    text = text.replace("\u2019", "'")
    return sum(
        weight
        for pattern, weight in ((STRONG, STRONG_WEIGHT), (WEAK, 1))
        for found in pattern.finditer(text)
        if found[0].strip() not in source
    )


def count_frames(dialogue: Dialogue) -> int:
    """Tags, records and headings of prompts in the prose that the source has not."""
    whole = f"{dialogue.preamble}\n{dialogue.text}".lower()
    has_fields = sum(field in whole for field in FIELDS) > 1
    if not (has_fields or '":' in whole or TAG.search(whole)):
        return 0
    text = f"{dialogue.preamble}\n{mask(dialogue.text, dialogue.spans, ())}"
    found = [*TAG.findall(text), *RECORD.findall(text)]
    fields = {field.lower() for field in FIELD.findall(text)}
    fields -= {field.lower() for field in FIELD.findall(dialogue.source)}
    return sum(piece not in dialogue.source for piece in found) + (len(fields) > 1)


def count_subjects(dialogue: Dialogue) -> int:
    """The most subjects of instructions in one sentence, said or not, that the source has not.

    A preamble is about the request as well, and leaks nothing by it.
    """
    if not ABOUT_FORM.search(dialogue.lower):
        return 0
    said = dialogue.spoken.lower().replace("\u2019", "'")
    sentences = (part for part in SENTENCE_END.split(said) if len(part) <= LONGEST_SENTENCE)
    about_form = (part for part in sentences if ABOUT_FORM.search(part))
    source = dialogue.source.lower()
    return max(
        (count_in_sentence(part) for part in about_form if part.strip() not in source), default=0
    )


def count_in_sentence(sentence: str) -> int:
    """How many subjects of instructions it has."""
    return sum(subject.search(sentence) is not None for subject in ABOUT)
