"""AWS Bedrock model invocation logs: JSON lines, gzipped, in a tree of folders by region and hour.

Bodies are those of the API that was called: Converse, or what the model's own API says. Bodies above 100 KB lie in objects
of their own; the record then names their path, which is kept and counted, not followed. Source: docs.aws.amazon.com/bedrock,
"model invocation logging" and "inference parameters".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collectors.importers.bedrock_bodies import answered, asked, embedded
from collectors.importers.ids import fingerprint, span_id_of, trace_id_of
from collectors.importers.instants import nanoseconds
from collectors.importers.record import Failure, Origin, RecordSpan, Row, Told, first, mapping, number, opened, said

KEYS: Final = {
    "timestamp": "time",
    "requestId": "trace_id",
    "operation": "name, stream",
    "modelId": "request_model",
    "identity": "app (the role that called)",
    "region": "kept",
    "input": "input_messages, system_text, input_tokens, cached_input_tokens",
    "output": "output_messages, output_tokens, finish_reason, duration_ms",
    "requestMetadata": "session_id, user_id, experiment, variant, app",
    "errorCode": "error_type",
    "errorMessage": "error_message",
    "accountId": "kept",
    "status": "status",
}

ELSEWHERE: Final = "content elsewhere (S3)"


def looks(record: Mapping[str, Any]) -> bool:
    """Tell an invocation log record."""
    return record.get("schemaType") == "ModelInvocationLog" or {"modelId", "requestId", "input"} <= record.keys()


def tell(record: Mapping[str, Any], _origin: Origin) -> Told:
    """Return the one call of a record."""
    identity = said(record.get("requestId")) or fingerprint(record)
    given, got = mapping(record.get("input")), mapping(record.get("output"))
    request, answer = opened(given.get("inputBodyJson")), opened(got.get("outputBodyJson"))
    model = (said(record.get("modelId")) or "").rsplit("/", 1)[-1] or None
    start = nanoseconds(record.get("timestamp"))
    response = answered(answer)
    elsewhere = any(part.get(key) for part, key in ((given, "inputBodyS3Path"), (got, "outputBodyS3Path")))
    metadata = mapping(record.get("requestMetadata"))
    step = RecordSpan(
        trace_id=trace_id_of(identity),
        span_id=span_id_of(identity),
        name=f"{said(record.get('operation')) or 'InvokeModel'} {model}",
        start_ns=start,
        end_ns=start + round(response.latency_ms * 1e6) if response.latency_ms and start else 0,
        attributes=_call(record, given, got)
        | {
            "gen_ai.operation.name": "embeddings" if embedded(request, answer, model) else "chat",
            "gen_ai.request.model": model,
            "gen_ai.response.id": response.id,
            "gen_ai.response.finish_reasons": response.finish_reason,
            "gen_ai.output.messages": response.messages or None,
            **asked(request),
        },
        failure=_failure(record),
        flags=("content_elsewhere",) if elsewhere else (),
    )
    app = first(metadata.get("app"), metadata.get("application"), metadata.get("service"), _role(record))
    return Told([step], resource={"service.name": app}, notes=(ELSEWHERE,) if elsewhere else ())


def _call(record: Mapping[str, Any], given: Row, got: Row) -> Row:
    read, written = (number(given.get(f"cache{how}InputTokenCount")) for how in ("Read", "Write"))
    fresh = number(given.get("inputTokenCount"))
    return {
        "gen_ai.provider.name": "aws.bedrock",
        # Bedrock counts what was read from and written to the cache beside the input; our input holds all of it
        "gen_ai.usage.input_tokens": None if fresh is None else fresh + (read or 0) + (written or 0),
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.output_tokens": got.get("outputTokenCount"),
        "gen_ai.request.stream": True if "Stream" in str(record.get("operation")) else None,
        "metadata": mapping(record.get("requestMetadata")) or None,
        "cloud.region": said(record.get("region")),
        "cloud.account.id": said(record.get("accountId")),
        "bedrock.input_s3_path": said(given.get("inputBodyS3Path")),
        "bedrock.output_s3_path": said(got.get("outputBodyS3Path")),
    }


def _failure(record: Mapping[str, Any]) -> Failure | None:
    code = said(record.get("errorCode"))
    return Failure(code, said(record.get("errorMessage"))) if code else None


def _role(record: Mapping[str, Any]) -> str | None:
    """`arn:aws:sts::123456789012:assumed-role/support-bot/session` -> `support-bot`: what calls has a role of its own."""
    steps = (said(mapping(record.get("identity")).get("arn")) or "").split("/")
    return steps[1] if len(steps) > 1 else None
