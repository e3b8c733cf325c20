"""Checks: pure functions that measure a generated dialogue and say what is wrong with it."""
