"""What OpenTelemetry lacks for watching LLM behaviour: prompt versions, experiment arms and feedback, as standard signals.

This is the only code of Plumbline that may live in a production application. It adds a span processor to the provider you
have and never replaces one; it never raises into your code, and never blocks a request. Without it everything still works:
two environment variables point any instrumentation at Plumbline.
"""

from plumbline_sdk._feedback import feedback
from plumbline_sdk._setup import init
from plumbline_sdk._tags import experiment, identity, prompt

__all__ = ["experiment", "feedback", "identity", "init", "prompt"]
