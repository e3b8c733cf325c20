"""Styles: how a chunk is to be retold, read from one TOML file each."""
