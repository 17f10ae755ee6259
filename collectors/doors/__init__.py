"""The doors of the collector: what listens, who may come in, and how a request is answered."""
