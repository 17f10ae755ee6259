"""What is wrong with what a source sends, why it matters, and the exact setting that mends it."""
