"""Data in: receivers, dialect mapping, redaction, text features, the spool's writing side and the importers."""
