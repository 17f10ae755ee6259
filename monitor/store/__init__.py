"""The telemetry store: one DuckDB file with one owner. The only package that imports duckdb."""
