"""`new_personal_data`: e-mail addresses, phone numbers and IP addresses that the source has not.

Source: our own patterns, strict ones, since a page of mathematics is full of groups of digits.
Formulas, code and tables are left out. Addresses that stand for nobody (example.org, private
networks) are no personal data.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from pydantic import Field

from udfs.checks import base

REASON = "new_personal_data"

EMAIL = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9][\w.%+-]{0,63}"
    r"@(?P<host>(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24})(?![\w(])"
)
EXAMPLES = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|(?:example|test|invalid|localhost))$", re.IGNORECASE
)
# Groups as phone numbers have them: with a country's code, or North American ones with an area
# code and an exchange that can be.
COUNTRY = r"\+(?<![\w)\]}=+*/^-]\+)(?<![0-9)\]}][ ]\+)(?<!\b\w[ ]\+)[1-9][0-9]{0,2}"
AREA, EXCHANGE = r"[2-9](?<![\w.+/*=^-][0-9])(?<![=+*/^-][ ][0-9])[0-9]{2}", r"[2-9][0-9]{2}"
PHONE = re.compile(
    COUNTRY + r"(?:[ .-]?(?:\([0-9]{1,4}\)|[0-9]{2,9})){2,5}"
    rf"|\((?<!\w\()[2-9][0-9]{{2}}\)[ -]?{EXCHANGE}[ .-][0-9]{{4}}"
    rf"|{AREA}(?P<mark>[.-]){EXCHANGE}(?P=mark)[0-9]{{4}}"
)
# Any other groups only behind such a word.
CALLED = re.compile(
    r"\b(?:phone|mobile|tel(?:\.|:|ephone))(?: number)?(?: is|:)? [0-9][0-9 ()./-]{5,18}[0-9]",
    re.IGNORECASE,
)
CALLS = ("hone", "obile", "el.", "el:")
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
        known = (dialogue.source.lower(), "".join(DIGITS.findall(dialogue.source)))
        new -= sum(_is_known(item, *known) for item in found[:EXAMINED])
    return base.Finding(Values(new), REASON if new > limits.max_found else None)


def find_personal_data(prose: str) -> Iterator[str]:
    """All that looks like personal data, as it is written."""
    if "@" in prose:
        emails = EMAIL.finditer(prose)
        yield from (email[0] for email in emails if not EXAMPLES.search(email["host"]))
    for found in IPV4.finditer(prose):
        groups = found[0].split(".")
        before = prose[max(found.start() - 10, 0) : found.start()]
        if sum(len(group) > 1 for group in groups) > 1 and not VERSION.search(before):
            yield from _keep_global(found[0])
    if TWO_COLONS.search(prose):
        for found in IPV6.finditer(prose):
            yield from _keep_global(found[0])
    called = any(hint in prose for hint in CALLS)
    for pattern in (PHONE, CALLED) if called else (PHONE,):
        yield from _find_phones(pattern, prose)


def _find_phones(pattern: re.Pattern[str], prose: str) -> Iterator[str]:
    """Phone numbers: digits enough, and no term of a sum goes on behind."""
    for found in pattern.finditer(prose):
        digits = sum(map(str.isdecimal, found[0]))
        if digits >= SHORTEST_PHONE and not PHONE_END.match(prose, found.end()):
            yield found[0]


def _keep_global(address: str) -> Iterator[str]:
    """The address, if it is one and somebody's."""
    try:
        if ip_address(address).is_global:
            yield address
    except ValueError:
        return


def _is_known(item: str, source: str, digits: str) -> bool:
    """Whether the source has it, a phone number in any spelling."""
    is_phone = "@" not in item and ":" not in item
    return item.lower() in source or (is_phone and "".join(DIGITS.findall(item)) in digits)
