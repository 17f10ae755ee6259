"""OTLP request bodies -> canonical rows (`monitor.model.rows`), whatever dialect the spans speak."""

from collectors.decode.errors import BadBody
from collectors.decode.propagate import propagate
from collectors.decode.requests import Media, Outcome, decode_logs, decode_traces

__all__ = ["BadBody", "Media", "Outcome", "decode_logs", "decode_traces", "propagate"]
