"""What is taken out of a record before anything of it is kept: caps, field rules, pseudonyms, terms, patterns."""
