"""Request and answer bodies on Bedrock, by shape and not by model name: Converse, Anthropic, Nova, Titan, Llama, Cohere, Mistral.

Streams come as a list of events, in the wire form of the same API; their texts are put together in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collectors.importers.record import Row, first, mapping, number, said

TEXT_LISTS: Final = (("results", "outputText"), ("generations", "text"), ("outputs", "text"), ("completions", "text"))
"""Titan, Cohere Command, Mistral and AI21: a list of answers, and where the text of each stands."""

TEXTS: Final = ("generation", "completion", "outputText", "text")
"""Llama, Claude 2, Titan streams, Cohere Command R: the text itself."""

PROMPTS: Final = ("prompt", "inputText", "message")
STOPS: Final = ("stopReason", "stop_reason", "finish_reason", "completionReason", "finishReason")
METRICS: Final = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True)
class BodyReply:
    """What a body answers; None where it does not say."""

    messages: Sequence[Row] = ()
    finish_reason: str | None = None
    id: str | None = None
    latency_ms: float | None = None


def asked(body: Any) -> Row:
    """Return the attributes of a request: messages, system prompt and tools."""
    request = mapping(body)
    messages: list[Row] = [
        {**m, "content": blocks(m.get("content"))} for m in _list(request.get("messages")) if isinstance(m, dict)
    ]
    history = [{"role": str(m.get("role")).lower().replace("chatbot", "assistant"), "content": m.get("message")}
               for m in _list(request.get("chat_history")) if isinstance(m, dict)]  # fmt: skip
    prompt = first(*(request.get(name) for name in PROMPTS))
    if prompt is not None and not messages:
        messages = [*history, {"role": "user", "content": prompt}]
    texts = request.get("texts") or request.get("inputText")
    return {
        "gen_ai.input.messages": messages or ([str(t) for t in texts] if isinstance(texts, list) else None),
        "gen_ai.system_instructions": _system(request.get("system")) or said(request.get("preamble")),
        "gen_ai.tool.definitions": _tools(request) or None,
    }


def answered(body: Any) -> BodyReply:
    """Return what an answer or a list of stream events says."""
    if isinstance(body, list):
        return _streamed([event for event in body if isinstance(event, dict)])
    answer = mapping(body)
    listed = next(
        (_list(answer.get(name)) for name in ("outputs", "generations", "results", "choices") if answer.get(name)), []
    )
    reasons = [part.get(name) for part in (answer, *map(mapping, listed)) for name in STOPS]
    metrics = mapping(answer.get(METRICS))
    return BodyReply(
        list(_spoken(answer)),
        first(*reasons),
        first(answer.get("id"), answer.get("generation_id")),
        number(mapping(answer.get("metrics")).get("latencyMs")) or number(metrics.get("invocationLatency")),
    )


def _spoken(answer: Row) -> Iterator[Row]:
    message = mapping(mapping(answer.get("output")).get("message")) or (
        answer if isinstance(answer.get("content"), list) else {}
    )
    if message:
        yield {"role": "assistant", "content": blocks(message.get("content"))}
        return
    for choice in map(mapping, _list(answer.get("choices"))):
        yield mapping(choice.get("message")) or {"role": "assistant", "content": said(choice.get("text"))}
    for name, key in TEXT_LISTS:
        for item in map(mapping, _list(answer.get(name))):
            if (text := said(item.get(key))) is not None:
                yield {"role": "assistant", "content": text}
    if (text := first(*(answer.get(name) for name in TEXTS))) is not None:
        yield {"role": "assistant", "content": text}


def blocks(content: Any) -> Any:
    """Return content blocks of Converse in the shape of Anthropic's, which the decoder reads; others stay."""
    return [_block(block) for block in content] if isinstance(content, list) else content


def _block(block: Any) -> Any:
    if not isinstance(block, dict) or "type" in block:
        return block
    if "toolUse" in block:
        use = mapping(block["toolUse"])
        return {"type": "tool_use", "id": use.get("toolUseId"), "name": use.get("name"), "input": use.get("input")}
    if "toolResult" in block:
        result = mapping(block["toolResult"])
        said_back = [item.get("text", item.get("json")) for item in map(mapping, _list(result.get("content")))]
        return {
            "type": "tool_result",
            "tool_use_id": result.get("toolUseId"),
            "content": said_back[0] if len(said_back) == 1 else said_back,
        }
    if "reasoningContent" in block:
        return {
            "type": "thinking",
            "thinking": mapping(mapping(block["reasoningContent"]).get("reasoningText")).get("text"),
        }
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    kind, inner = next(iter(block.items()), ("other", None))
    return {"type": str(kind), "format": mapping(inner).get("format")}  # pictures and documents: that there was one


def _streamed(events: Sequence[Row]) -> BodyReply:
    texts: list[str] = []
    tools: dict[str, Row] = {}
    final: list[BodyReply] = []
    for event in events:
        texts += _piece(event)
        _tool_piece(event, tools)
        inner = mapping(event.get("delta")) or mapping(event.get("messageStop")) or mapping(event.get("message"))
        ended = answered({**inner, **{k: v for k, v in event.items() if k in (*STOPS, METRICS, "generation_id")}})
        timed = number(mapping(mapping(event.get("metadata")).get("metrics")).get("latencyMs"))
        final.append(BodyReply((), ended.finish_reason, ended.id, ended.latency_ms or timed))
    parts = [{"type": "text", "text": "".join(texts)}] if texts else []
    content = [*parts, *tools.values()]
    return BodyReply(
        [{"role": "assistant", "content": content}] if content else [],
        first(*(one.finish_reason for one in final)),
        first(*(one.id for one in final)),
        next((one.latency_ms for one in final if one.latency_ms), None),
    )


def _piece(event: Row) -> list[str]:
    """The text of one stream event: Anthropic's and Converse's deltas, or the plain text of the older APIs."""
    delta = mapping(event.get("delta")) or mapping(mapping(event.get("contentBlockDelta")).get("delta"))
    if delta:
        return [text for text in (delta.get("text"),) if isinstance(text, str)]
    whole = [m["content"] for m in _spoken(event) if isinstance(m.get("content"), str)]
    return whole if "message" not in event else []


def _tool_piece(event: Row, tools: dict[str, Row]) -> None:
    """Tool calls of a stream: a block that starts with a name, then its arguments as pieces of JSON text."""
    started = mapping(event.get("content_block")) or mapping(
        mapping(mapping(event.get("contentBlockStart")).get("start")).get("toolUse")
    )
    at = str(first(event.get("index"), mapping(event.get("contentBlockStart")).get("contentBlockIndex"),
                   mapping(event.get("contentBlockDelta")).get("contentBlockIndex")))  # fmt: skip
    if started.get("name"):
        tools[at] = {
            "type": "tool_use",
            "id": first(started.get("id"), started.get("toolUseId")),
            "name": started["name"],
            "arguments": "",
        }
    delta = mapping(event.get("delta")) or mapping(mapping(event.get("contentBlockDelta")).get("delta"))
    piece = first(delta.get("partial_json"), mapping(delta.get("toolUse")).get("input"))
    if piece and at in tools:
        tools[at]["arguments"] += piece


def embedded(request: Any, answer: Any, model: str | None) -> bool:
    """Tell an embedding from a chat."""
    return "embed" in (model or "") or bool({"embedding", "embeddings"} & mapping(answer).keys() and mapping(request))


def _system(value: Any) -> Any:
    return blocks(value) if isinstance(value, list) else said(value)


def _tools(request: Row) -> list[Any]:
    listed = _list(mapping(request.get("toolConfig")).get("tools")) or _list(request.get("tools"))
    return [mapping(tool).get("toolSpec", tool) for tool in listed]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
