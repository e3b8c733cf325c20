"""Equalities of numbers in text: found, computed exactly within bounds, judged with care."""
