"""Phrases in which somebody talks of the text that he was made from, or of being a conversation.

Our own list, for `meta_text`: prose in lower case. A word alone is no evidence, since pages are
about patterns in a text and words in a document: `text` and `page` need `above` or `this` beside
them, a verb of saying, or somebody who was told to work with them. Rarer words (`passage`,
`excerpt`) need an article. What may be a subject too counts where the source does not speak of it.
"""

# ruff: noqa: RUF001 - apostrophes of both kinds

import re
from collections.abc import Iterator

from udfs.checks.base import Dialogue

NOT = r"(?:n['’]t| not)"
RARE = r"excerpt|snippet|web ?page|extract|write-?up|source (?:text|material)"
WRITING = rf"(?:passage|document|article|{RARE})"
# Those that are hardly anything else, but for the passage to a limit.
PIECE = rf"(?:passage(?! (?:to|from|of time|between|through|under|over)\b)|{RARE})"
THING = rf"(?:{WRITING}|text|page|paragraph|material)"
FIGURE = r"(?:figures?|diagrams?|images?|pictures?|graphs?|photos?)"
THE = r"(?:the|this|that|our|your|today['’]s)"
HALVES = r"(?<!half of the )(?<!part of the )"  # by their style students have one each
AMOUNT = r"(?: (?:[\d ]|half|twice|as |(?:one|two|three|four|five|six|seven|eight|nine|ten)\b))"
SUBJECT = (
    r"(?:math\w*|contents?|information|context|problems?|theorems?|formulas?|proofs?|examples?"
    r"|explanations?|details?|numbers?|figures?|definitions?|answers?|reasons?|evidence)"
)
SAYS = (
    r"(?:(?:also|then|only|clearly|explicitly|just|itself|even|never|further|simply) ){0,2}"
    r"(?:says?|states?|mentions?|tells (?:us|me|you)|explains?|describes?|claims|notes|points out"
    r"|discusses|argues|concludes|quotes|refers to|deals with|talks (?:about|of)|speaks of"
    r"|introduces|presents|summari[sz]es|goes on|wants (?:us|from us|me|you)"
    rf"|(?:is|was) (?:about(?!{AMOUNT})|talking about|discussing|titled)"
    rf"|(?:does{NOT}|never) (?:\w+ )?(?:say|mention|state|specify|explain|tell|discuss|describe)"
    rf"|does{NOT} go into\b"
    rf"|does{NOT} (?:\w+ )?(?:contain|include|have|offer|provide|give) (?:\w+ ){{0,2}}{SUBJECT}"
    rf"|(?:contains|includes|has|offers|provides|gives|holds) no (?:\w+ )?{SUBJECT})"
)
GAVE = (
    r"(?:you|i|we)(?:['’]ve| have| were| are)? (?:gave|given|shared|provided|sent|brought|pasted"
    r"|got|have read)"
)
TOLD = (
    r"(?:stated|mentioned|described|explained|discussed|provided|presented|written|said|shown"
    r"|outlined|noted|covered|introduced)"
)
# What whoever retells a text does with it, and what may be done with any.
WORK = (
    r"(?:re-?tell|re-?writ(?:e|ing)|re-?phras(?:e|ing)|paraphras(?:e|ing)|summari[sz](?:e|ing)"
    r"|keep to|stay (?:with|within)|stick (?:to|with)|stuck to|faithful to|cit(?:e|ing)"
    r"|quot(?:e|ing)|(?:evidence|reasons?|answers?) (?:from|in)"
    r"|(?:my|our|your) (?:summary|reading|retelling) of)"
)
READ = (
    r"(?:discuss(?:ing)?|read|(?:go|going|went|been|get|work) (?:through|over)|look(?:ed)? at"
    r"|(?:talk|speak|learn)(?:ing)? about)"
)
TALK = r"(?:conversation|dialogue|role-?play|discussion|debate|interview)"
MADE_TALK = r"(?:conversation|dialogue|role-?play)"
PLACES = r"(?:first|second|third|next|last|opening|final|previous)"
WRITES = (
    r"(?:says?|states?|writes?|wants?|means?|gives?|shows?|claims?|mentions?|explains?|does"
    r"|calls?|uses?|notes?)"
)
# A group is a word that the source may be about.
META = re.compile(
    rf"{HALVES}\b{THING} (?:above|below|provided|(?:is |was )?given (?:here|to (?:us|me|you))"
    rf"|{SAYS}|(?:that |which )?{GAVE})\b"
    rf"|\b(?:above|provided) {THING}\b"
    rf"|\b(?:given|original|preceding|following) (?P<given>{WRITING})\b"
    rf"|\b(?:according to|{TOLD} (?:in|by|on)|based on|in the words of) {THE} {THING}\b"
    rf"|\b{WORK} {THE} (?P<work>{THING})\b"
    rf"|\b(?:re-?write|re-?tell|summari[sz]e) {THE} section\b"
    rf"|\b{THE} {THING} (?:as an? {TALK}|alone|as evidence)\b"
    rf"|\bno {THING} (?:was|is|has been|were) (?:provided|given|attached|there|here)\b"
    r"|\bprovided (?:information|content|context)\b|\b(?:information|content|context) provided\b"
    # A talk that knows that it is one.
    rf"|\b(?:in|of|for|throughout|during) (?:this|our) {MADE_TALK}\b"
    rf"|\b(?:this is|we are|we're) (?:in |having )?an? {MADE_TALK}\b"
    rf"|\b(?:write|create|continue|convert|turn|re-?write|re-?tell)\b[^.!?\n]{{0,40}}"
    rf" (?:the|this|an?) {MADE_TALK}\b"
    r"|\b(?:first|second|other|next|previous) (?P<speaker>speaker)\b"
    rf"|\bcharacters? in (?:a|this|the) {TALK}\b"
    rf"|\bauthors? of (?:the|this) {THING}\b"
    r"|\bas (?:mentioned|stated|outlined|noted|described) (?:above|below|earlier in)\b"
    rf"|\b(?:the|that|another|an? (?:longer|shorter|brief|short|different)) (?P<piece>{PIECE})s?\b"
    r"|\b(?:this|today['’]s) (?P<this>" + THING + r"|section(?! of\b))\b"
    r"|\b(?:in|from|by) the (?P<writing>article|document)\b"
    rf"|\b{READ} {THE} (?P<read>text|page|material|paragraph)\b"
    rf"|\b(?:the|its) {PLACES} (?P<place>paragraph)\b"
    # Pages of questions and answers.
    r"|\b(?:the|this) (?:post|thread|comment) (?:above|below)\b(?! (?:the|ground|water)\b)"
    rf"|\b{TOLD} in (?:the|this|his|her|that) (?:post|thread|comment)\b"
    rf"|\b{WRITES} in (?:his|her|the|this) (?:post|comment)\b"
    r"|\bthe (?:asker|answerer)\b|\b(?:of|in) this thread\b"
    r"|\bthe given text (?:asks|says|states|wants|provides)\b|\blines of the (?P<lines>paragraph)\b"
    r"|\bthe (?P<itself>article|document) itself\b"
    rf"|\b(?:this|our) {MADE_TALK} (?:covers|(?:has )?covered|shows|explains|discusses|was about)\b"
    # What was asked for, who asked, and who answers.
    r"|\b(?:as|i am|i['’]m)(?: just| only)? an? (?P<ai>ai|artificial intelligence|chatbot"
    r"|(?:ai |large )?language model)\b"
    r"|\b(?:the|our|your) (?P<user>user)s? (?:asked|asks|wants?|wanted|requested|said|provided"
    r"|gave|told|needs)\b"
    r"|\bthe (?P<prompt>prompt|instructions?|request) (?:asks?|asked|says?|said|tells?|told|wants?"
    r"|wanted|requires?|allows?)\b"
    r"|\b(?:asked|told) (?:us|me|you) (?:for|to (?:make|have|write|hold))(?: [\w-]+){1,4} turns\b"
    rf"|\b(?:{TOLD}|given) (?:in|by) the (?P<told>context|source|input)\b"
    rf"|\bthe (?P<says>context|source|input) (?:also |only )?(?:gives|{SAYS})\b"
    rf"|\b{FIGURE} (?:is|was|are|were){NOT} (?:included|shown(?! to\b)|available|given|provided"
    r"|visible|reproduced|part of)\b"
    rf"|\b(?:given|provided) (?:text|page) does{NOT}\b"
    rf"|\b(?:bounds|limits|scope) of {THE} {THING}\b"
    rf"|\bthe (?P<writer>author)s? (?:then |also |only )?(?:{WRITES}|goes on|prefers|adds|proves)\b"
)
# One of these is in every phrase; most lines have none outside of formulas.
HINTS = (
    *("text", "page", "paragraph", "material", "passage", "document", "excerpt", "snippet"),
    *("article", "extract", "write-up", "writeup", "conversation", "dialogue", "role", "speaker"),
    *("content", "information", "author", "section", "above", "below", "earlier in"),
    *("character", "post", "thread", "comment", "asker", "answerer"),
    *(" ai", "artificial", "chatbot", "language model", "user", "prompt", "instruction", "request"),
    *(" turns", "context", "the source", "the input", "figure", "diagram", "image", "picture"),
    *("graph", "photo"),
)
# What is only said to whoever asked for the dialogue, outside of speech.
MADE = r"(?:kept|added|left|changed|re-?wrote|tried|used|omitted|included|made|adapted|chose)"
ASIDE = re.compile(
    rf"^\W*(?:notes?|disclaimer|remark|p\.? ?s|n\.? ?b)\b\W[^\n]{{0,200}}?"
    rf"\b(?:i(?:['’]ve| have)? {MADE}|{TALK}|source|original|speakers?|names)\b"
    rf"|\b(?:i|we)(?:['’]ve| have) (?:\w+ )?{MADE}\b"
    r"|\bhope (?:this|that|it|you)\b[^.!?\n]{0,60}?\b(?:help\w*|useful|enjoy\w*|likes?|expect\w*"
    r"|had in mind|looking for|meets|works)\b"
    r"|\blet me know (?:if|whether|what|how)\b|\b(?:just|please) (?:say so|tell me|ask me)\b"
    r"|\bfeel free to (?:ask|adjust|modify|change|adapt|request|use)\b|\bwould you like me to\b"
    r"|\b(?:happy|glad) to (?:adjust|revise|extend|re-?write|change|make|provide)\b"
    rf"|\b(?:end|start|continuation) of (?:the )?(?:[\w-]+ )?(?:text|{TALK}|script|transcript)\b"
    rf"|\bfor the sake of (?:the|this) {TALK}\b"
    rf"|\b(?:in )?(?:this|the) {TALK} (?:has been|was|is|covers?|shows?|ends?|follows?|illustrates?"
    r"|above|based)\b"
    r"|\bnames (?:of [^.\n]{0,40})?(?:were|have been|are) (?:changed|invented|made up)\b",
    re.MULTILINE,
)


def find_phrases(dialogue: Dialogue) -> Iterator[str]:
    """The phrases, as they are written but for capitals; none goes over the end of a line.

    What stands outside of speech and is of both kinds counts twice.
    """
    hints = [hint for hint in HINTS if hint in dialogue.prose_lower]
    for line in dialogue.prose_lower.splitlines() if hints else ():
        if any(hint in line for hint in hints):
            for found in META.finditer(line):
                word = re.split(r"\W+", found[found.lastgroup])[-1] if found.lastgroup else ""
                if not word or dialogue.chunk.vocabulary.isdisjoint((word, f"{word}s")):
                    yield found[0]
    for aside in dialogue.asides:
        yield from (found[0] for found in ASIDE.finditer(aside.lower()))
