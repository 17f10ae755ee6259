"""Policies of a running house: what an edited one would change, and who puts one in force or takes it back."""
