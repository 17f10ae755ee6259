"""How judges are reached, one way a file."""
