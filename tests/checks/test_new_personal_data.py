"""E-mail addresses, phone numbers and IP addresses, and the many numbers that are none."""

from collections.abc import Callable

import pytest

from udfs.checks.rules import Verdict

Judge = Callable[..., Verdict]
LESSON = """\
**Teacher:** {} What is the sum of the angles in a triangle?

**Student:** Two right angles, as we saw with the parallel line.
"""


@pytest.mark.parametrize(
    "item",
    [
        "ada.lovelace@analytical-engine.co.uk",
        "ben+math@school.edu",
        "+49 30 1234567",
        "+1 (212) 555-0187",
        "(212) 555-0187",
        "212-555-0187",
        "212.555.0187",
        "8.8.141.20",
        "81.2.69.142",
        "2606:4700:4700::1111",
        "ada.lovelace@example.org",
        "ada1815@engine.example",
        "ada(at)engine.org",
        "ada [at] engine [dot] org",
        "203.0.113.77",
        "2001:db8:0:1::17",
        "0171-5550123",
        "030/12345678",
    ],
)
def test_personal_data_of_its_own_is_tagged(item: str, judged: Judge) -> None:
    verdict = judged(LESSON.format(f"Write to {item}, please."))

    assert "new_personal_data" in verdict.tags
    assert verdict.values["personal_data_count"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "Phone: 030 1234567.",
        "My telephone number is 555 0187 22.",
        "Call me at 555-0187.",
        "You can reach me under 030 1234567.",
        "Text me: 0171 5550 123.",
    ],
)
def test_a_phone_number_is_one_if_it_is_called_so(line: str, judged: Judge) -> None:
    assert judged(LESSON.format(line)).values["personal_data_count"] == 1


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("Mail ada@engine.org.", "Mail ada@engine.org."),
        ("Mail Ada@Engine.org.", "Mail ada@engine.org."),
        ("Mail ada@engine.org.", "Mail ada(at)engine.org."),
        ("Mail ada [at] engine [dot] org.", "Mail ada@engine.org."),
        ("Call (212) 555-0187.", "Call 212-555-0187."),
        ("Tel. 030 1234567", "Call me: 030 1234567."),
        ("The host 81.2.69.142.", "The host 81.2.69.142 answers."),
    ],
)
def test_what_the_source_has_is_not_new(source: str, line: str, judged: Judge) -> None:
    assert judged(LESSON.format(line), source=source).values["personal_data_count"] == 0


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Mail ada@engine.org or ben@engine.org, and again ada@engine.org.", 2),
        ("Mail ada@engine.org, or Ada(at)engine.org, or ada [at] engine [dot] org.", 1),
        ("Call me at 212-555-0187. My phone number is 2125550187.", 1),
    ],
)
def test_each_item_counts_once_in_whatever_spelling(line: str, count: int, judged: Judge) -> None:
    assert judged(LESSON.format(line)).values["personal_data_count"] == count


@pytest.mark.parametrize(
    "line",
    [
        "Take 192.168 and 3.14159265 and 2.718281828.",
        "Count 3-2-1, or 10-20-30, or 1990-1995.",
        "Here 800 - 555 - 1234 is negative, as 212-555-0187=0 would not be.",
        "Version 2.10.33.14, and section 10.2.12.1.",
        "By Theorem 1.2.3.4 and 5.6.7.8.",
        "The network 192.168.10.20 is at home, 127.0.0.10 too.",
        "The row 12 34 56 78 90 12 follows 2125550187.",
        "Then x +49 30 1234567 is a sum, and 5 +12 345 678 too.",
        "Write to somebody@example.com or to nobody@example.org.",
        "Mail user@example.com, or alice@example.org and bob@mail.example.",
        "Look at it (at home), or (at.",
        "We call 3628800 ten factorial, and reach 1234567 in the end.",
        "He called us 40320 - 720 times, and text us 5 + 1234567.",
        "In binary 0101-01101 and 0110/10110, and 5-0171-5550123 too.",
        "In Python `u@v.dot` and A@B.T(x) multiply matrices.",
        "We call them 1000000 and 1000001. I'll call him by row 1234567.",
        "Reach me with 3.1415926535 in mind. The cell is 1000000 nm wide.",
        "$81.2.69.142$ and $+49 30 1234567$ in a formula.",
        "It is 12:30:45:10 o'clock, and a[1::2::3].",
        "Pi is 3.141 592 653 589 793.",
        "The telephone rings 4 times, at 12:30.",
        "The digits are 314-159-2653.",
        "See\n| 212-555-0187 | 81.2.69.142 |\n|---|---|",
    ],
)
def test_groups_of_digits_in_mathematics_are_none(line: str, judged: Judge) -> None:
    assert judged(LESSON.format(line)).values["personal_data_count"] == 0
