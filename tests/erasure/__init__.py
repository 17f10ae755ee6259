"""Erasure: gone from every file, and it stays gone."""
