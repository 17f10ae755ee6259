"""Tags on spans."""
