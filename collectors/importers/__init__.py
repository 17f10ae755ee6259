"""Files in: recorded OTLP bodies, and interactions as JSON lines, CSV or Parquet."""
