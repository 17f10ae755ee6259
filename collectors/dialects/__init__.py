"""What the attribute keys of each instrumentation family mean: one YAML file a dialect, and the table built from them."""
