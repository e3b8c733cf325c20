"""Pages into chunks: the fewest that hold at most so many tokens, cut where it hurts least.

A page is tokenised once, which tells about how many tokens lie between any two positions. A
dynamic programme from the page's end finds for each boundary the fewest chunks for the rest and,
among those, the cheapest cuts. A walk from the page's start follows it and counts each chunk's own
text, since a text's tokens on its own may differ from its share of the page's; where the count is
over the limit, the walk takes the next best boundary.

Every step is linear in the page's length: boundaries are thinned to a fixed number per chunk.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from udfs.keys import content_key
from udfs.text.boundaries import FORCED, LINE, Boundary, ForcedCuts, Level, find_boundaries
from udfs.text.math_spans import find_spans
from udfs.text.tokens import TokenCounter

# Part of every chunk's identity: raise it with any change that moves a boundary.
CHUNKING_VERSION = 1

LEAST_LIMIT = 4  # tokens: a byte-level tokenizer may need one per byte of a character
BLOCK = 16_384  # characters tokenised at once, then up to the paragraph's end: bounds the memory
LONGEST_BLOCK = 4 * BLOCK
FINE, COARSE = 64, 16  # boundaries kept per chunk: clean ones and lines, forced ones in a line
ONE_CHUNK = 1 << 40  # more than the cuts of a page can cost together
# A chunk under a quarter of the limit is small: it costs up to as much as tearing a table, so
# that a page's last paragraph does not go alone when a sentence more could go with it.
SMALL_SHARE, SMALL_COST = 4, 8


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a page in character offsets, the end excluded.

    `n_tokens` counts the chunk's own text. `cut` tells that one of its ends lies inside a
    formula, a piece of code or a sentence that is longer than a whole chunk.
    """

    start: int
    end: int
    n_tokens: int
    cut: bool


def chunk_page(text: str, counter: TokenCounter, max_tokens: int) -> list[Chunk]:
    """The chunks of a page in order; together they are the page, exactly.

    An empty page has none, one of spaces has one. Raises ValueError for a limit under four
    tokens. A single character of more tokens than the limit, which only a tokenizer that
    rewrites its text can make, is a chunk over the limit.
    """
    if max_tokens < LEAST_LIMIT:
        raise ValueError(f"max_tokens is {max_tokens}, expected {LEAST_LIMIT} or more")
    if not text:
        return []
    tokens = _Tokens(text, counter)
    if tokens.between(0, len(text)) <= max_tokens and (count := counter.count(text)) <= max_tokens:
        return [Chunk(0, len(text), count, cut=False)]
    return list(_Chunker(text, counter, max_tokens, tokens).walk())


def chunker_id(counter: TokenCounter, max_tokens: int) -> str:
    """Identity of a way to chunk: algorithm, limit and tokenizer."""
    return content_key(
        *("chunking_version", str(CHUNKING_VERSION)),
        *("max_tokens", str(max_tokens)),
        *("tokenizer_id", counter.tokenizer_id),
    )


class _Chunker:
    """One page's tokens, boundaries and plan."""

    def __init__(self, text: str, counter: TokenCounter, limit: int, tokens: "_Tokens") -> None:
        self.text, self.counter, self.limit, self.tokens = text, counter, limit, tokens
        self.estimate = tokens.between
        self.small = small_costs(limit)
        spans = find_spans(text)
        clean = find_boundaries(text, spans)
        self.forced = ForcedCuts(text, spans, tokens.starts)
        self.boundaries = self.force([*self.thin(clean, FINE), Boundary(len(text), 0)])
        self.positions = [boundary.position for boundary in self.boundaries]
        self.values = self.plan()

    def thin(self, boundaries: list[Boundary], per_chunk: int) -> list[Boundary]:
        """Boundaries without those that have one as good close by on both sides taken together.

        No gap between the kept ones grows beyond a cell, the limit's share.
        """
        cell = max(self.limit // per_chunk, 1)
        kept: list[Boundary] = []
        for boundary in boundaries:
            while len(kept) > 1 and kept[-1].cost >= min(kept[-2].cost, boundary.cost):
                if self.estimate(kept[-2].position, boundary.position) > cell:
                    break
                kept.pop()
            kept.append(boundary)
        return kept

    def force(self, boundaries: list[Boundary]) -> list[Boundary]:
        """Boundaries, and forced ones where the stretch before one is longer than a chunk."""
        result: list[Boundary] = []
        start = 0
        for boundary in boundaries:
            result += self.split(start, boundary.position, self.forced.levels)
            result.append(boundary)
            start = boundary.position
        return result

    def split(self, start: int, end: int, levels: list[Level]) -> list[Boundary]:
        """Forced boundaries of a stretch: the first level's, and the next one's between those."""
        if not levels or self.estimate(start, end) <= self.limit:
            return []
        (cost, find), *rest = levels
        found = [Boundary(position, cost) for position in find(start, end)]
        result: list[Boundary] = []
        for boundary in self.thin(found, FINE if cost == LINE else COARSE):
            result += [*self.split(start, boundary.position, rest), boundary]
            start = boundary.position
        return result + self.split(start, end, rest)

    def plan(self) -> list[int]:
        """For each boundary what the rest of the page costs: chunks first, then cuts."""
        ends_before = [bisect_right(self.tokens.ends, p) for p in self.positions]
        starts_before = [bisect_left(self.tokens.starts, p) for p in self.positions]
        small = self.small
        # What a chunk costs that ends at the boundary: the rest, and the cut.
        totals = [ONE_CHUNK] * len(self.positions)
        values = [0] * len(self.positions)
        for number in range(len(values) - 2, -1, -1):
            best, ended = totals[number + 1] + small[0], ends_before[number]
            for following in range(number + 1, len(values)):
                tokens = starts_before[following] - ended
                if tokens > self.limit:
                    break
                best = min(best, totals[following] + small[tokens])
            values[number] = best
            totals[number] = best + ONE_CHUNK + self.boundaries[number].cost
        return values

    def walk(self) -> Iterator[Chunk]:
        """Chunks from the page's start, each counted."""
        start, cut_before = 0, False
        while start < len(self.text):
            boundary, tokens = self.find_end(start)
            cut = boundary.cost >= FORCED
            yield Chunk(start, boundary.position, tokens, cut or cut_before)
            start, cut_before = boundary.position, cut

    def find_end(self, start: int) -> tuple[Boundary, int]:
        """The best boundary to end a chunk, and the chunk's tokens."""
        ends = sorted(self.find_ends(start))
        found = self.find_first(start, (self.boundaries[number] for _, number in ends))
        return found or self.find_forced_end(start)

    def find_ends(self, start: int) -> Iterator[tuple[int, int]]:
        """Boundaries within reach, as what the page costs with each and its number."""
        for number in range(bisect_right(self.positions, start), len(self.positions)):
            tokens = self.estimate(start, self.positions[number])
            if tokens > self.limit:
                return
            yield self.values[number] + self.boundaries[number].cost + self.small[tokens], number

    def find_first(self, start: int, boundaries: Iterator[Boundary]) -> tuple[Boundary, int] | None:
        """The first of the boundaries that keeps to the limit by the chunk's own count."""
        most = self.limit
        for boundary in boundaries:
            estimate = self.estimate(start, boundary.position)
            if estimate > most:
                continue
            tokens = self.counter.count(self.text[start : boundary.position])
            if tokens <= self.limit:
                return boundary, tokens
            # As much as this one is over, the others are likely to be as well.
            most = estimate - max(tokens - self.limit, 1)
        return None

    def find_forced_end(self, start: int) -> tuple[Boundary, int]:
        """An end before the next boundary, for a stretch that counts more than its share."""
        end = self.positions[bisect_right(self.positions, start)]
        for cost, find in self.forced.levels:
            found = (Boundary(position, cost) for position in reversed(find(start, end)))
            if (first := self.find_first(start, found)) is not None:
                return first
        return self.take_character(start)

    def take_character(self, start: int) -> tuple[Boundary, int]:
        """One character, whatever it counts: the walk must go on."""
        return Boundary(start + 1, FORCED), self.counter.count(self.text[start : start + 1])


class _Tokens:
    """Where a page's tokens begin and end; tokenised in blocks that end with a paragraph."""

    def __init__(self, text: str, counter: TokenCounter) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        block = 0
        while block < len(text):
            following = text.find("\n\n", block + BLOCK, block + LONGEST_BLOCK)
            block_end = following + 2 if following >= 0 else block + LONGEST_BLOCK
            offsets = counter.offsets(text[block:block_end])
            self.starts += [start + block for start, _ in offsets]
            self.ends += [end + block for _, end in offsets]
            block = block_end

    def between(self, start: int, end: int) -> int:
        """Tokens of the page that lie between, those across an end included."""
        return bisect_left(self.starts, end) - bisect_right(self.ends, start)


def small_costs(limit: int) -> list[int]:
    """What a chunk costs for being small, by its number of tokens up to the limit."""
    small = limit // SMALL_SHARE + 1
    costs = [SMALL_COST * (small - tokens) // small for tokens in range(small)]
    return costs + [0] * (limit + 1 - small)
