"""One page a file; each is a function of a `Context`."""
