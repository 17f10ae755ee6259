"""What leaves: one erasure from beginning to end, what leaves with age, and how the spool is rewritten."""
