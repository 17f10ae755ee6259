"""Charts as Vega-Lite specifications, one family a file: rows in, a plain dictionary out."""
