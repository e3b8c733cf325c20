import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.text.strategies import pages, read_sample
from udfs.text.boundaries import InsideSpans, is_grapheme
from udfs.text.chunking import Chunk, chunk_page, chunker_id
from udfs.text.math_spans import find_spans
from udfs.text.tokens import TokenCounter

LIMITS = st.sampled_from([4, 5, 16, 60, 200])


def texts_of(text: str, counter: TokenCounter, limit: int) -> list[str]:
    return [text[c.start : c.end] for c in chunk_page(text, counter, limit)]


def assert_sound(text: str, chunks: list[Chunk], counter: TokenCounter, limit: int) -> None:
    """Coverage, counts, the limit, and whole spans: what holds for every page."""
    assert "".join(text[c.start : c.end] for c in chunks) == text
    assert all(a.end == b.start for a, b in pairwise(chunks))
    assert all(c.start < c.end for c in chunks)
    assert [c.n_tokens for c in chunks] == [counter.count(text[c.start : c.end]) for c in chunks]
    assert all(c.n_tokens <= limit for c in chunks)
    inside = InsideSpans(find_spans(text))
    for before, after in pairwise(chunks):
        assert after.start not in inside or (before.cut and after.cut)


@given(text=pages(), limit=LIMITS)
@example(text="\ud83d\ude00" * 20, limit=4)
@example(text="e" + "\u0301" * 300, limit=16)
@example(text="\U0001f469\u200d" * 200, limit=16)
@example(text=" \n" * 500, limit=16)
def test_any_page_is_chunked_soundly(counter: TokenCounter, text: str, limit: int):
    # A lone surrogate counts as the three bytes of U+FFFD, any character as four at most.
    assert_sound(text, chunk_page(text, counter, limit), counter, limit)


@given(text=pages(), limit=LIMITS)
def test_tokenizers_without_bytes_work_too(word_counter: TokenCounter, text: str, limit: int):
    assert_sound(text, chunk_page(text, word_counter, limit), word_counter, limit)


@given(text=pages(), limit=LIMITS)
def test_parts_may_count_more_than_their_share(prefix_counter: TokenCounter, text: str, limit: int):
    assert_sound(text, chunk_page(text, prefix_counter, limit), prefix_counter, limit)


@given(text=pages(), limit=LIMITS)
def test_chunking_is_deterministic(counter: TokenCounter, text: str, limit: int):
    assert chunk_page(text, counter, limit) == chunk_page(text, counter, limit)


@pytest.mark.parametrize("limit", [60, 500])
def test_sample_pages_are_chunked_soundly(counter: TokenCounter, limit: int):
    for text in read_sample():
        assert_sound(text, chunk_page(text, counter, limit), counter, limit)


def test_real_pages_are_chunked_soundly(counter: TokenCounter, webmath: list[str]):
    for text in webmath[::5]:
        assert_sound(text, chunk_page(text, counter, 500), counter, 500)


@pytest.mark.engine
def test_chunks_of_real_pages_are_well_filled(model_counter: TokenCounter, webmath: list[str]):
    chunked = [chunk_page(text, model_counter, 500) for text in webmath]
    for text, chunks in zip(webmath, chunked, strict=True):
        assert_sound(text, chunks, model_counter, 500)
    fills = [c.n_tokens / 500 for chunks in chunked if len(chunks) > 1 for c in chunks]
    assert sum(fills) / len(fills) > 0.87  # measured: 0.878 over 1,019 chunks


def test_an_empty_page_has_no_chunk(counter: TokenCounter):
    assert chunk_page("", counter, 500) == []


def test_a_page_of_spaces_is_one_chunk(counter: TokenCounter):
    text = "\n  \n"
    assert chunk_page(text, counter, 500) == [Chunk(0, 4, counter.count(text), cut=False)]


def test_a_page_under_the_limit_is_one_chunk(word_counter: TokenCounter):
    assert chunk_page("# One\n\ntwo. Three", word_counter, 5) == [Chunk(0, 17, 4, cut=False)]


def test_a_limit_under_a_characters_bytes_is_refused(counter: TokenCounter):
    with pytest.raises(ValueError, match="max_tokens is 3, expected 4 or more"):
        chunk_page("text", counter, 3)


def test_headings_are_preferred_to_paragraphs(word_counter: TokenCounter):
    text = "One two three.\n\nFour five.\n\n# Six\n\nSeven eight.\n\nNine ten.\n"
    first = "One two three.\n\nFour five.\n\n"
    assert texts_of(text, word_counter, 8) == [first, text[len(first) :]]


def test_paragraphs_are_preferred_to_sentences(word_counter: TokenCounter):
    text = "One two three. Four five.\n\nSix seven. Eight nine."
    first = "One two three. Four five.\n\n"
    assert texts_of(text, word_counter, 7) == [first, text[len(first) :]]


def test_a_heading_is_not_parted_from_its_text(word_counter: TokenCounter):
    text = "One two three four.\n\n# Five\n\nSix. Seven eight nine."
    first = "One two three four.\n\n"
    assert texts_of(text, word_counter, 7) == [first, text[len(first) :]]


def test_a_formula_stays_with_the_words_that_announce_it(word_counter: TokenCounter):
    text = "One two three.\n\nHence:\n\n$$a = b$$\n\nSo c d e f."
    first = "One two three.\n\n"
    assert texts_of(text, word_counter, 9) == [first, text[len(first) :]]


def test_fewer_chunks_are_preferred_to_better_cuts(word_counter: TokenCounter):
    text = "One two three.\n\nFour five. Six seven.\n\nEight nine ten."
    assert len(texts_of(text, word_counter, 5)) == 2


def test_the_last_chunk_is_not_left_tiny(word_counter: TokenCounter):
    sentences = [f"{word} and so on. " for word in ("One", "Two", "Three", "Four", "Five", "Six")]
    text = "".join(sentences).strip()
    assert min(c.n_tokens for c in chunk_page(text, word_counter, 20)) >= 8


def test_spaces_stay_with_what_they_follow(word_counter: TokenCounter):
    text = "\n One two.  \n\n\n   Three four.\n"
    assert texts_of(text, word_counter, 4) == [text]
    assert texts_of(text + "Five.", word_counter, 4)[0] == "\n One two.  \n\n\n"


@pytest.mark.parametrize(
    "formula",
    [
        "$a + b + c$",
        "$$a\n\n+ b$$",
        "\\begin{align} a. B\n\n c \\end{align}",
        "```\na. B\n\nc\n```",
    ],
)
def test_nothing_is_cut_inside_a_formula_or_code(word_counter: TokenCounter, formula: str):
    text = f"One two three. {formula} four.\n\n{formula}\n\nFive six. {formula}"
    chunks = chunk_page(text, word_counter, 9)
    inside = InsideSpans(find_spans(text))
    assert len(chunks) > 1
    assert not any(c.cut or c.start in inside for c in chunks)


def test_rows_of_a_table_stay_whole_and_its_head_stays_with_its_rule(word_counter: TokenCounter):
    rows = ["| a | b |\n", "|---|---|\n", *(f"| {n} | {n}. B |\n" for n in range(6))]
    pieces = texts_of("Look here. " * 3 + "\n\n" + "".join(rows), word_counter, 16)
    assert all(piece.endswith("\n") for piece in pieces)
    assert any("| a | b |\n|---|" in piece for piece in pieces)


def test_long_code_is_cut_between_lines_and_says_so(word_counter: TokenCounter):
    code = "```\n" + "".join(f"let x = {n}\n" for n in range(12)) + "```\n"
    text = f"Before it.\n\n{code}\nAfter it, words."
    chunks = chunk_page(text, word_counter, 20)
    assert all(text[c.end - 1] == "\n" for c in chunks[:-1])
    assert sum(c.cut for c in chunks) >= 3


def test_a_long_sentence_is_cut_between_words_not_in_its_formulas(word_counter: TokenCounter):
    text = "word $a + b$ " * 12
    chunks = chunk_page(text, word_counter, 10)
    inside = InsideSpans(find_spans(text))
    assert all(c.cut and c.start not in inside for c in chunks)


def test_a_long_word_is_cut_between_graphemes(counter: TokenCounter):
    text = "e\u0301\U0001f469\u200d\U0001f467" * 60
    chunks = chunk_page(text, counter, 40)
    assert all(c.cut and is_grapheme(text, c.start) for c in chunks if c.start)


@pytest.mark.parametrize(
    "pair", ["\r\n", "e\u0301", "\U0001f44b\U0001f3fd", "a\u200d", "\ud83d\ude00"]
)
def test_graphemes_are_not_parted(pair: str):
    assert not is_grapheme(pair, len(pair) - 1)


def test_identity_names_limit_and_tokenizer(counter: TokenCounter, word_counter: TokenCounter):
    ids = {chunker_id(counter, 500), chunker_id(counter, 501), chunker_id(word_counter, 500)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    "piece", ["a", "word ", " ", "\n", "So. It ", "$x$", "$", "# H\n", "\u0301"]
)
def test_hostile_pages_take_linear_time(counter: TokenCounter, piece: str):
    text = piece * (40_000 // len(piece))
    started = time.process_time()
    chunks = chunk_page(text, counter, 500)
    # A tenth of a second as a rule; a quadratic step would take a minute.
    assert time.process_time() - started < 5
    assert chunks[-1].end == len(text)
