"""Judges: models that are asked, one rule and one answer at a time, what no pattern can decide; never within the cycle."""
