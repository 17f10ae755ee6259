"""What OpenTelemetry lacks for watching LLM behaviour: prompt versions, experiment arms and feedback, as standard signals.

The only code of Plumbline that may live in a production application: it adds to the tracer provider you have, never raises
into your code, and never blocks a request. Without it everything still works (docs/sending.md).
"""

from plumbline_sdk._change import change, end_session
from plumbline_sdk._feedback import feedback
from plumbline_sdk._setup import flush, init, stats
from plumbline_sdk._tags import context, experiment, identity, prompt

__all__ = ["change", "context", "end_session", "experiment", "feedback", "flush", "identity", "init", "prompt", "stats"]
