"""People, how they sign in, and the record of what they do."""
