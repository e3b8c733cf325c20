"""Contamination: texts as streams of hashed tokens, benchmarks as indices, one in the other."""
