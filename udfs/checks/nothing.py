"""What speakers say who find that their page is about nothing, for `refusal`.

Kinds of remarks, in lower case with straight apostrophes. That mathematics is missing is the sure
one; what the page is instead, that one cannot go on, and the wish for another page go with it.
Each alone is said in good lessons too: there is no formula for it, the text has no example.
"""

import re

from udfs.checks.base import Dialogue

TEXT = r"(?:text|page|passage|excerpt|document|article|material|snippet|paragraph|post|website)"
MATH = (
    r"(?:math\w*|equations?|theorems?|formula[es]?|definitions?|exercises?|proofs?|calculations?"
    r"|computations?|content|substance|topic|statements?|problems?|questions?|lesson|claims?"
    r"|information|data|quantities)"
)
FIGURE = r"(?:figures?|diagrams?|images?|pictures?|drawings?)"
DISCUSS = (
    r"(?:discuss\w*|talk\w*|explain\w*|learn\w*|solve\w*|calculate|compute|debate\w*|prove|teach"
    r"|argue|disagree|work|build|say|ask|study|convert|rewrite|do|defend|dispute|explore)"
)
NO = (
    r"(?:no|nor|zero|hardly an?y?|without an?y?|neither an?|not (?:\w+ )?(?:an?|any|one|even an?)"
    r"|lacks?(?: any)?|devoid of|free of"
    r"|not a single|never an?y?)"
)
# Where it is missing: here, in the page, for those who talk.
PLACE = (
    rf"(?:here|in (?:it|there|this|that|here|(?:the|this|that|our|today's) (?:\w+ )?{TEXT})"
    rf"|anywhere|at all|whatsoever|hidden|for (?:us|me|you)|(?:that|which) (?:we|i|you|could|can)"
    r"|we (?:can|could)"
    rf"|to (?:be )?{DISCUSS}|to it|about it|of any kind|on (?:it|this|the) ?(?:{TEXT})?"
    rf"|based on|from (?:it|this))"
)
REST = r"[^.!?\n]{0,60}?"
ABSENT = re.compile(
    # One boundary before all of them: to look for it costs most.
    r"\b(?:"
    # no theorem, equation or problem in it
    rf"{NO}(?: [\w-]+,?){{0,3}}? {MATH}\b{REST}\b{PLACE}\b"
    # the page has no mathematical content
    rf"|(?:{TEXT}|it|this|that|they|these)(?: \w+)? (?:ha(?:s|ve)|contains?|includes?|gives?"
    rf"|offers?|provides?|(?:does|do)(?:n't| not)) {REST}\b(?:no|any|enough|much|an?)"
    r"(?: \w+){0,2}? (?:math\w*|formula[es]?|equations?|theorems?|substance|problem to)\b"
    rf"|nothing(?: \w+){{0,2}}? (?:(?:for us |here )?to {DISCUSS}|mathematical|in (?:it|here|the"
    rf" {TEXT})|whatsoever|that (?:we|i) (?:can|could)|can be {DISCUSS})\b"
    rf"|nothing (?:mathematical|whatsoever|at all)\b|anything (?:mathematical|to {DISCUSS})\b"
    r"|(?:is|are|was)(?:n't| not)(?: \w+)? (?:an? )?(?:math\w*|mathematical \w+|lesson)\b"
    r"|(?:hardly|not) (?:an? )?(?:math|maths|mathematics|mathematical)\b"
    r"|nothing to do with math\w*|has nothing mathematical\b"
    rf"|no (?:math\w*|formula|equation|theorem|exercise)(?:,| and| or) (?:no|not|nor)\b"
    r"|no (?:math\w*|formula|equation)s? (?:at all|here|there|either)\b"
    r"|no problem, no solution\b"
    rf"|there(?:'s| is) no (?:{TEXT}|basis)\b|not? (?:a single )?(?:theorem|mathematics)\b"
    r"|(?:is|are)(?:n't| not) (?:readable|legible)\b|mentions no \w+, no \w+\b"
    r"|empty (?:function|file|page)\b|nothing of what's inside\b"
    rf"|only (?:mentions?|names?|lists?)\b{REST}\b(?:by name|in passing|and that's (?:it|all))\b"
    r")"
)
UNABLE = (
    r"(?:can't|cannot|can not|couldn't|could not|unable to|not able to|not possible to"
    r"|impossible to|not sure (?:how )?(?:we|i) can|don't (?:think|see how|know how)"
    r" (?:that )?(?:we|i|you|one)(?: can| could| should)?|no (?:point|sense|use) in"
    r"|won't|will not|not going to"
    r"|rather not|refuse to|have to (?:pass|decline)|would(?:n't| not)|(?:i'd|we'd|would) have to)"
)
STUCK = re.compile(
    rf"\b{UNABLE}\b{REST}\b(?:discuss\w*|debat\w+|lesson|conversation|dialogue|interview|talk|teach"
    rf"|explain (?:any|some|what|it)|invent\w*|make (?:up|anything|something)|making (?:up|things)"
    r"|go(?:ing)? on|continue|proceed|meaningful|speculat\w+|pretend|guess|do (?:much|anything))\b"
    r"|\b(?:i|we) (?:refuse|decline|(?:would |'d )?prefer not)\b|\bcan't do anything with\b"
    r"|\b(?:won't|not) be able to (?:help|answer|explain)\b|\bnot in a position to\b"
    r"|\bappropriate for us\b|\bsupposed to discuss\b|\bcame to nothing\b"
    r"|\bhave to (?:pass|decline)\b|\bdoes(?:n't| not) lend itself\b"
    rf"|\bnot (?:in|from|part of) the {TEXT}\b|\bleave it at that\b|\b(?:let's"
    r"|we (?:can|should|could|might)(?: as well)?|better|have to|must)"
    r" (?:just )?(?:decline|stop|end|leave it|wait|skip|move on|call it)\b|\bno further questions\b"
    r"|\b(?:debate|lesson|discussion|interview|conversation|talk)"
    r" (?:is|was|ends|has to end|must end)(?: already)? (?:over|short|here|before)\b"
    r"|\bnothing (?:more|else) to say\b|\bconcede\b"
)
# Another page is wished for.
OTHER = re.compile(
    rf"\b(?:another|an? (?:\w+ )?different|an? (?:\w+ )?(?:proper|real|new|better|actual|second))"
    rf" (?:\w+ ){{0,2}}?{TEXT}\b"
    rf"|\b{TEXT}s? (?:with|that (?:has|have|contains?|works|includes|is))"
    rf"(?: \w+){{0,3}}? (?:math\w*|content|substance|formulas?|problems?|exercises?)\b"
    r"|\b(?:send|give|bring|find|get|provide|show|paste|choose|pick|try|wait for)"
    r" (?:me|us|you|them)? ?(?:another|a different|the (?:actual|real|right|correct)"
    r"|a real|a proper)\b"
    rf"|\b(?:actual|real|proper|some) math\w*(?: in it| text| content)?\b"
)
NEEDED = (
    r"(?:statements?|descriptions?|(?:legible |readable )?cop(?:y|ies)|papers?|details|the rest"
    r"|context|information|excerpt|(?:original|actual|full|whole|suitable|problem|real) \w+)"
)
# What is needed is missing, and asked for.
MISSING = re.compile(
    r"\b(?:send|supply|supplies|supplied|bring|share|add|type|get hold of|find|found|ask for|need"
    rf"|request|once (?:i|we) have)\b[^.!?\n]{{0,40}}?\b{NEEDED}\b"
    r"|\b(?:come back|talk) (?:as soon as|when|once)\b|\bsend it (?:over|to)\b"
    r"|\bgive it to me\b|\bcould you (?:share|send) (?:it|them)\b"
    r"|\b(?:i|we) (?:don't|do not) have the (?:figures?|text|page)\b"
    rf"|\bwithout (?:(?:seeing|having|any|the|that|an?|math\w*) )+"
    rf"(?:{FIGURE}|lengths?|data|information|problem)\b|\bunless the (?:{FIGURE}|{TEXT})\b"
    rf"|\b(?:{FIGURE}|{TEXT}) (?:is|are|was|were)(?:n't| not) "
    r"(?:available|included|given|visible)\b"
    r"|\balso missing\b|\bi (?:don't|do not) have (?:it|them|one|any) either\b"
    r"|\bthere is(?:n't| not) an? (?:math\w* )?(?:problem|question|exercise)\b"
    r"(?! (?:with|for|about))"
    r"|\b(?:can't|cannot) (?:answer|solve|do|say) (?:any|it|this|that|them)\b[^.!?\n]{0,20}"
    r"\b(?:either|without|of these)\b"
)
# What it is instead.
KIND = re.compile(
    r"\b(?:it's|it is|this is|that's|these are|they're|there's|there are|seems? to be|looks? like"
    r"|appears? to be|consists? of|nothing but|just|only|merely)"
    r"(?: (?!the\b|n't\b)[\w'-]+,?){0,4}?"
    r" (?:menus?|navigation|log-?in|sign-?in|cookies?|consent|notice|error (?:message|page)|404"
    r"|advert\w*|ads?|spam|licen[cs]e|calendar|form|privacy|policy|terms of|table of contents"
    r"|links|index"
    r"|sidebar|footer|header|forum|rules of|obituary|press release|announcement|search (?:results"
    r"|terms)|job|biography|catalogue|catalog|listing|buttons|placeholders?|images|timetable"
    r"|schedule|newsletter|headlines?|disclaimer|copyright|directory|names|dates|titles|tags"
    r"|comments|reviews?|prices|legal|news|captions?|words)\b"
)


def find_idle(dialogue: Dialogue) -> tuple[list[str], list[str]]:
    """The speakers of the turns that find nothing to discuss, and of all that make a remark."""
    text = dialogue.lower
    if ABSENT.search(text) is None:
        return [], []
    spans = [(turn.speaker, turn.body_start, turn.end) for turn in dialogue.turns]
    nothing = [speaker for speaker, *span in spans if ABSENT.search(text, *span)]
    idle = [
        speaker
        for speaker, *span in spans
        if any(remark.search(text, *span) for remark in (ABSENT, MISSING, STUCK, OTHER, KIND))
    ]
    return nothing, idle
