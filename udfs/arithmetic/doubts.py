"""A doubt that is brushed aside: somebody wonders about a claim, and nobody takes it back.

`udfs.arithmetic.context` asks for it where a reply would otherwise count as a correction. The
words are our own lists; where they leave it open, the doubt counts.
"""

# ruff: noqa: RUF001 - apostrophes of both kinds

import re

QUESTION = re.compile(r"[^.!?\n]{0,240}\?")
# What alone says of nothing that it is wrong.
WONDERING = re.compile(
    r"\b(?:hmm+|wait|hold on|careful|actually|are you sure|re-?check|double-check)\b", re.IGNORECASE
)
# Whoever doubted is content.
GIVES_IN = re.compile(
    r"\b(?:if you say so|(?:i|i['’]ll) (?:trust|believe) you|take your word|you must be right"
    r"|you (?:would|will|surely) know|i (?:must|may|might) have (?:slipped|erred|mis\w+)"
    r"|my (?:mistake|error|bad)|never ?mind)\b",
    re.IGNORECASE,
)
# Whoever claimed it stays with it.
INSISTS = re.compile(
    r"\b(?:(?:quite|absolutely|completely|perfectly|certainly|totally|entirely|very|pretty|i am"
    r"|i['’]m|yes,?|of course) (?:sure|certain|positive)|(?:trust|believe) me|all the same"
    r"|none ?the ?less|never ?the ?less|regardless|any ?way|either way|in any case|never ?mind"
    r"|no matter"
    r"|do(?:n['’]t| not) (?:worry|fret|doubt)|no (?:mistakes?|errors?|doubt|need to \w+)"
    r"|without (?:a )?(?:doubt|mistake|error)"
    r"|does(?:n['’]t| not) (?:matter|change (?:it|that|anything))"
    r"|is(?:n['’]t| not) (?:wrong|a mistake|an error)|(?:is|was) (?:still|indeed)"
    r"|still (?:is|comes?|gives?|holds?|stands?|stay|correct|right|true)|stands|stick (?:to|with)"
    r"|it (?:always|just|simply) (?:is|does|works|comes|gives)|(?:i['’]ve|i have|i) checked"
    r"|as i (?:said|told you)|leave it (?:at that|so)|good enough|rest assured|no,? it is)\b",
    re.IGNORECASE,
)

# Whoever claimed it sees it; much of what insists is said then as well ("the method still holds").
CONCEDES = re.compile(
    r"\byou(?:['’]re| are) (?:\w+ )?right|\b(?:good|nice|great|sharp) (?:catch|point|eyes?)\b"
    r"|\bwell (?:spotted|done|seen|caught)\b|\bthank",
    re.IGNORECASE,
)


def is_mere_doubt(reply: str, correction: re.Pattern[str]) -> bool:
    """Whether a turn doubts, and its words of correction only ask and wonder, or are taken back."""
    if not (correction.search(reply) or GIVES_IN.search(reply)):
        return False
    stated = GIVES_IN.sub(" ", WONDERING.sub(" ", QUESTION.sub(" ", reply)))
    return correction.search(stated) is None


def is_brushed_aside(reply: str, answer: str, correction: re.Pattern[str]) -> bool:
    """Whether a turn merely doubts, and it or the answer returns to the claim.

    `correction` is what a turn says in which something is wrong.
    """
    if not is_mere_doubt(reply, correction) or CONCEDES.search(answer):
        return False
    if correction.search(INSISTS.sub(" ", answer)):
        return False
    return GIVES_IN.search(reply) is not None or INSISTS.search(answer) is not None
