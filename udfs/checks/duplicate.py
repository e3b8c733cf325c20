"""`duplicate`: nearly the same text again, among the dialogues of one spec or among chunks.

No check of one text: this is the part of it that one text has, its MinHash signature; who is a
duplicate of whom is found in Spark (`spark_jobs/core/duplicates.py`). Sources: Broder (1997) for
MinHash; grams of 5 words in 14 bands of 8 hashes are FineWeb's (Penedo et al., 2024), which aim at
texts that have three quarters of their grams in common.
"""

import numpy as np
from pydantic import Field
from rensa import RMinHash

from udfs.checks import base
from udfs.contamination.grams import hash_grams
from udfs.contamination.stream import Stream

REASON = "duplicate"
SEED = 1
# Part of the rules' identity: signatures of another version compare with none of this one.
ALGORITHM_VERSION = RMinHash.ALGORITHM_VERSION


class Limits(base.Limits):
    """`ngram`: words per gram; a signature has `bands` times `rows` hashes, and a text is compared
    with the first of those that have all rows of a band in common with it; `min_similarity`: part
    of the hashes, 0 to 1, in which a duplicate is like the one it repeats: an estimate of the part
    of their grams that both have.
    """

    ngram: int = Field(ge=1)
    bands: int = Field(ge=1)
    rows: int = Field(ge=1)
    min_similarity: float = Field(gt=0, le=1)


def sign(stream: Stream, limits: Limits) -> list[int] | None:
    """A text's signature: `bands` times `rows` hashes of 32 bits with a sign, as Spark has them.

    A text of fewer words than a gram is like an equal one only; one without words has None and is
    like no other, and so has any text where the check is off.
    """
    if limits.action == "off":
        return None
    length = min(limits.ngram, len(stream))
    if not length:
        return None
    grams = hash_grams(stream.hashes, length)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        grams, [0, len(grams)], limits.bands * limits.rows, SEED
    )
    (row,) = matrix.to_rows()
    signature: list[int] = np.array(row, np.uint32).view(np.int32).tolist()
    return signature
