"""Scores that do not come over OTLP: our own JSON, Langfuse's and Phoenix's. All become rows of one table."""
