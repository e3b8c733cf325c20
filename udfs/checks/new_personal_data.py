"""`new_personal_data`: e-mail addresses, phone numbers and IP addresses that the source has not.

Source: our own patterns, strict ones, since a page of mathematics is full of groups of digits.
Formulas, code and tables are left out. What stands for nobody (user@example.org, private networks)
is no personal data; a person's name at a domain kept for examples is, since models and testers put
it in the place of a real one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from pydantic import Field

from udfs.checks import base

REASON = "new_personal_data"

AT, DOT = r"(?:@|[ ]?[(\[{]at[)\]}][ ]?)", r"(?:\.|[ ]?[(\[{]dot[)\]}][ ]?)"
EMAIL = re.compile(
    r"(?<![\w.%+-])(?P<name>[A-Za-z0-9][\w.%+-]{0,63})"
    rf"{AT}(?P<host>(?:[A-Za-z0-9-]{{1,63}}{DOT}){{1,4}}[A-Za-z]{{2,24}})(?![\w(])"
)
# Said in words, at a domain that no word is.
SPELLED = re.compile(
    r"(?<![\w.-])(?P<name>[a-z][\w-]*(?:(?: dot |\.)[\w-]+){0,4}) at "
    r"(?P<host>[\w-]+(?: dot [\w-]+){0,4}"
    r" dot (?:com|org|net|edu|gov|info|eu|uk|de|fr|ch|ca|au|br))\b",
    re.IGNORECASE,
)
ATS = ("@", "at)", "at]", "at}")
EXAMPLES = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|(?:example|test|invalid|localhost))$", re.IGNORECASE
)
# Whom nobody is called, and whom lessons on ciphers and networks write to.
NOBODY = frozenset(
    """
    user users username name yourname firstname lastname first.last firstname.lastname john.doe
    jane.doe johndoe janedoe you me someone somebody anyone nobody info test tester foo bar baz abc
    xyz x y a b mail email e-mail address admin root webmaster postmaster support contact sales
    hello noreply no-reply example sample alice bob carol eve mallory sender recipient
    """.split()  # noqa: SIM905 - a table of quotes says no more
)
# Networks that are kept for examples (RFC 5737, RFC 3849): somebody's, as a domain's.
EXAMPLE_NETWORKS = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
# Groups as phone numbers have them: with a country's code, or North American ones with an area
# code and an exchange that can be.
COUNTRY = r"\+(?<![\w)\]}=+*/^-]\+)(?<![0-9)\]}][ ]\+)(?<!\b\w[ ]\+)[1-9][0-9]{0,2}"
AREA, EXCHANGE = r"[2-9](?<![\w.+/*=^-][0-9])(?<![=+*/^-][ ][0-9])[0-9]{2}", r"[2-9][0-9]{2}"
PHONE = re.compile(
    COUNTRY + r"(?:[ .-]?(?:\([0-9]{1,4}\)|[0-9]{2,9})){2,5}"
    rf"|\((?<!\w\()[2-9][0-9]{{2}}\)[ -]?{EXCHANGE}[ .-][0-9]{{4}}"
    rf"|{AREA}(?P<mark>[.-]){EXCHANGE}(?P=mark)[0-9]{{4}}"
    # With the nought of long distance, which no number begins with; ones and noughts are binary.
    r"|0(?<![\w.,+*/^-]0)(?<![=+*/^-][ ]0)[1-9][0-9]{1,4}[/-](?![01]+\b)[0-9]{5,9}"
    # A mobile's in Britain and, where it is led to, in France.
    r"|07(?<![\w.,+*/^-]07)[0-9]{3}[ ][0-9]{3}[ ]?[0-9]{3}"
    r"|0(?<=\b(?:to|at|on)[ ]0)[1-79](?:[ ][0-9]{2}){4}"
)
# Any other groups only behind such a word.
GROUPS = re.compile(r"(?<= )[(+]?[0-9][0-9 ()./-]{5,18}[0-9]")
CALLED = re.compile(
    r"\b(?:(?:(?:cell ?)?phone|mobile|whatsapp|fax|tel(?:\.|:|ephone))(?: number)?"
    r"(?: is|:| at| on)?"
    r"|(?:call|ring|phone|text|reach|dial|telephone|message) (?:me|us|him|her|back)\b"
    r"(?: (?:at|on|under|via))?:?) $",
    re.IGNORECASE,
)
CALLED_LENGTH = 32  # characters of the longest of them
PHONE_END = re.compile(r"[\w]|[-.,/]\d|[ ]?[=+*/^]")
SHORTEST_PHONE = 7  # digits
# Four groups with two of two digits at least: `1.2.3.4` numbers a section.
IPV4 = re.compile(
    r"[0-9](?<![\w.-][0-9])[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?![\w-]|\.\d)"
)
IPV6 = re.compile(
    r"[0-9a-fA-F](?<![\w:][0-9a-fA-F])[0-9a-fA-F]{0,3}(?::[0-9a-fA-F]{0,4}){3,7}(?![\w:])"
)
TWO_COLONS = re.compile(r":[0-9a-fA-F]{0,4}:")
VERSION = re.compile(r"(?:\b(?:version|release|section|chapter|§)|\bv\.?)[ ]?$", re.IGNORECASE)
EXAMINED = 50  # items that are looked up in the source; a text with more makes them up
DIGITS = re.compile(r"[0-9]+")


class Limits(base.Limits):
    """`max_found`: so many may pass."""

    max_found: int = Field(ge=0)


@dataclass(frozen=True)
class Values:
    """Distinct e-mail addresses, phone numbers and IP addresses that the source has not."""

    personal_data_count: int


def check(dialogue: base.Dialogue, limits: Limits) -> base.Finding[Values]:
    """Tag a dialogue with personal data of its own."""
    found = list(dict.fromkeys(find_personal_data(dialogue.prose)))
    new = len(found)
    if found:
        known = (normalise(dialogue.source), "".join(DIGITS.findall(dialogue.source)))
        new -= sum(any(item in spelling for spelling in known) for item in found[:EXAMINED])
    return base.Finding(Values(new), REASON if new > limits.max_found else None)


def normalise(text: str) -> str:
    """A text with its addresses in one spelling."""
    return re.sub(DOT, ".", re.sub(AT, "@", text)).lower()


def find_personal_data(prose: str) -> Iterator[str]:
    """All that looks like personal data, in one spelling each: a phone number as its digits."""
    if any(sign in prose for sign in ATS):
        emails = EMAIL.finditer(prose)
        yield from (normalise(email[0]) for email in emails if not _is_nobody(email))
    if " dot " in prose.lower():
        for spelled in SPELLED.finditer(prose):
            yield normalise(re.sub(" dot ", ".", spelled[0].lower()).replace(" at ", "@"))
    for found in IPV4.finditer(prose):
        groups = found[0].split(".")
        before = prose[max(found.start() - 10, 0) : found.start()]
        if sum(len(group) > 1 for group in groups) > 1 and not VERSION.search(before):
            yield from _keep_somebodys(found[0])
    if TWO_COLONS.search(prose):
        for found in IPV6.finditer(prose):
            yield from _keep_somebodys(found[0])
    for found in (*PHONE.finditer(prose), *_find_called(prose)):
        digits = "".join(DIGITS.findall(found[0]))
        # Where no term of a sum goes on behind.
        if len(digits) >= SHORTEST_PHONE and not PHONE_END.match(prose, found.end()):
            yield digits


def _find_called(prose: str) -> Iterator[re.Match[str]]:
    """Groups of digits that are called a phone number."""
    for found in GROUPS.finditer(prose):
        if CALLED.search(prose, max(found.start() - CALLED_LENGTH, 0), found.start()):
            yield found


def _is_nobody(email: re.Match[str]) -> bool:
    """Whether an address is no person's: a placeholder at a domain that is kept for examples."""
    return EXAMPLES.search(email["host"]) is not None and email["name"].lower() in NOBODY


def _keep_somebodys(address: str) -> Iterator[str]:
    """The address, if it is one and somebody's."""
    try:
        found = ip_address(address)
    except ValueError:
        return
    if found.is_global or any(found in network for network in EXAMPLE_NETWORKS):
        yield address.lower()
