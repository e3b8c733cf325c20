"""Identity: keys made from content alone, never from position, partition or time."""

import hashlib

HEX_DIGITS = 32  # 128 bits: two of 206 million generations collide with odds of about 6e-23


def content_key(*parts: str) -> str:
    """The first 32 hex digits of SHA-256 over the parts, each preceded by its length in bytes.

    The lengths keep ("ab", "c") and ("a", "bc") apart. A lone surrogate, which no UTF-8 text can
    hold but a damaged page may, is encoded as its three raw bytes.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:HEX_DIGITS]
