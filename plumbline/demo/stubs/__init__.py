"""Stand-ins for the services that alerts go to: each validates as the service does, keeps its model, and misbehaves on request.

Used by the tests and by the demo. Assert on the model (what is open, acknowledged, closed there), not on calls.
"""
