"""Retention: what is too old goes, and nothing else does."""
