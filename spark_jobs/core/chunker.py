"""The active chunker: the one that the settings name; what is wanted and pending is by its id."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.core.engine import EMBEDDED_TOKENIZER, find_embedded
from spark_jobs.core.settings import EMBEDDED, Chunk
from spark_jobs.core.tables import CHUNKS, Warehouse
from udfs.errors import UsageError
from udfs.text.chunking import chunker_id
from udfs.text.tokens import TokenCounter, read_tokenizer


@dataclass(frozen=True)
class Chunker:
    """A tokenizer, as the JSON text of its tokenizer.json, and the identity it gives to chunks."""

    tokenizer: str
    chunker_id: str


def active_chunker(settings: Chunk) -> Chunker:
    """The chunker of the settings; raises UsageError when its tokenizer cannot be read."""
    tokenizer = read_named_tokenizer(settings.tokenizer, "chunk.tokenizer")
    return Chunker(tokenizer, chunker_id(TokenCounter.from_json(tokenizer), settings.max_tokens))


def read_named_tokenizer(location: str, setting: str) -> str:
    """The tokenizer.json that a setting names; raises UsageError when it cannot be read."""
    if location == EMBEDDED:
        location = str(find_embedded(EMBEDDED_TOKENIZER))
    try:
        tokenizer = read_tokenizer(location)
        TokenCounter.from_json(tokenizer)
    except (OSError, ValueError) as error:
        raise UsageError(f"{setting}: {error}") from error
    return tokenizer


def read_chunks(warehouse: Warehouse, chunker_id: str) -> DataFrame:
    """What one chunker has made so far."""
    return warehouse.read(CHUNKS).where(F.col("chunker_id") == chunker_id)
