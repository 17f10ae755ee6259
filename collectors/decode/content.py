"""What was said, by kind of span: messages of model calls, arguments and results of tools, queries and documents.

Each text is stored once: system prompts leave the messages, and a raw request beside messages is only asked for its facts.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from collectors.decode.binary import without_blobs, without_uris
from collectors.decode.loose_json import dump, load
from collectors.decode.messages import (
    Message,
    has_messages,
    instructions_text,
    last_answer,
    messages_of,
    split_system,
    text_of,
)
from collectors.dialects.readers import boolean, label
from collectors.dialects.table import Values

WIDE: Final = 96
"""From this many attributes on, flattened messages may have hit the SDK's limit of 128 and the raw request is asked."""

WRAPPERS: Final = ("inputs", "outputs", "input_str", "output", "query", "documents")
RUN_FACTS: Final = frozenset({"tags", "metadata", "kwargs", "inputs"})
NAMES: Final = frozenset(
    {
        "question", "query", "q", "input", "prompt", "message", "text", "content",
        "output", "answer", "response", "result", "completion",
    }
)  # fmt: skip


class Content(NamedTuple):
    """The text columns of one span. All None: nothing was captured."""

    system_text: str | None = None
    input_messages: str | None = None
    output_messages: str | None = None
    input_value: str | None = None
    output_value: str | None = None


class _Request(msgspec.Struct, gc=False):
    """The facts of a raw request; its messages stay unparsed."""

    model: Any = None
    stream: Any = None
    messages: list[msgspec.Raw] = []


class _Answer(msgspec.Struct, gc=False):
    """The facts of a raw answer."""

    id: Any = None
    model: Any = None
    llm_output: Any = None
    usage: Any = None


def of_call(values: Values, flags: list[str], *, wide: bool) -> Content:
    """Return the content of a model call, and fill facts that only its raw request or answer tells into `values`."""
    inputs = _messages(values.get("input_messages"), "user", flags)
    outputs = _messages(values.get("output_messages"), "assistant", flags) or _answered(values, flags)
    if "invocation" in values:
        _facts(values, load_object(values["invocation"]))
    raw = values.get("input_value")
    if raw is not None and (not inputs or wide or "request_model" not in values):
        inputs = _from_request(raw, inputs, values, flags)
    raw = values.get("output_value")
    if raw is not None and (not outputs or not {"response_id", "cached_input_tokens"} <= values.keys()):
        outputs = _from_answer(raw, outputs, values, flags)
    _finish_reason(values, outputs)
    spoken, inputs = split_system(inputs)
    system = _system(values.get("system"), spoken)
    return Content(_clean(system), _encoded(inputs), _encoded(outputs))


def of_embedding(values: Values, flags: list[str]) -> Content:
    """Return the embedded texts; vectors are not content."""
    if "invocation" in values:
        _facts(values, load_object(values["invocation"]))
    texts = values.get("texts")
    texts = _loaded(texts, flags) if isinstance(texts, str) else texts
    if isinstance(texts, list | str):
        told = [texts] if isinstance(texts, str) else [_loaded(t, flags) for t in texts if isinstance(t, str)]
        return Content(input_value=_clean("\n".join(text for text in told if isinstance(text, str))))
    inputs = _messages(values.get("input_messages"), "user", flags)
    return Content(input_value=_clean(text_of(inputs)))


def of_tool(values: Values, flags: list[str]) -> Content:
    """Return arguments and result."""
    given, got = (_unwrapped(values.get(name), flags) for name in ("input_value", "output_value"))
    if given is None:
        given = _handed(_messages(values.get("input_messages"), "tool", flags))
    if got is None:
        got = _handed(_messages(values.get("output_messages"), "tool", flags))
    return Content(input_value=_text(given), output_value=_text(got))


def _handed(messages: list[Message]) -> Any:
    """Take arguments or result out of the messages that some frameworks put them into."""
    parts = [part for message in messages for part in message["parts"]]
    if len(parts) == 1:
        return next((parts[0][name] for name in ("arguments", "result", "content") if name in parts[0]), None)
    return messages or None


def of_retrieval(values: Values, flags: list[str]) -> Content:
    """Return query and documents."""
    given = values.get("input_value", values.get("input_messages"))
    query = _plainest(_unwrapped(given, flags))
    documents = values.get("documents")
    if isinstance(documents, list):
        found: Any = [item.get("document", item) if isinstance(item, dict) else item for item in documents]
    else:
        found = _unwrapped(values.get("output_value"), flags)
    return Content(input_value=_text(query), output_value=_text(found))


def of_step(values: Values, flags: list[str]) -> Content:
    """Return what a chain, agent or workflow was given and gave back: as messages where it was a conversation."""
    given, got = (_unwrapped(values.get(name), flags) for name in ("input_value", "output_value"))
    inputs = _messages(values.get("input_messages"), "user", flags)
    outputs = _messages(values.get("output_messages"), "assistant", flags) or _answered(values, flags)
    if not inputs and has_messages(given):
        inputs = messages_of(given, "user")
    if not outputs and has_messages(got):
        outputs = last_answer(messages_of(got, "assistant"))
    if any(message["role"] == "user" for message in outputs):  # a whole history was given back
        outputs = last_answer(outputs)
    spoken, inputs = split_system(inputs)
    _simplify(inputs)
    _simplify(outputs)
    return Content(
        _clean(_system(values.get("system"), spoken)),
        _encoded(inputs),
        _encoded(outputs),
        None if inputs else _text(_plainest(given)),
        None if outputs else _text(_plainest(got)),
    )


def _answered(values: Values, flags: list[str]) -> list[Message]:
    """Put together an answer whose text, thoughts and tool calls came apart (Vercel AI SDK)."""
    calls = _loaded(values["answer_calls"], flags) if "answer_calls" in values else None
    message = {
        "role": "assistant",
        "content": values.get("answer_text"),
        "reasoning_content": values.get("answer_reasoning"),
        "tool_calls": [{"type": "tool_call"} | call for call in calls if isinstance(call, dict)]
        if isinstance(calls, list)
        else None,
    }
    return messages_of([message], "assistant")


def load_object(value: Any) -> dict[str, Any]:
    """Return the object that a value is or encodes, or an empty one."""
    found = load(value).value if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _messages(raw: Any, role: str, flags: list[str]) -> list[Message]:
    return [] if raw is None else messages_of(_loaded(raw, flags), role)


def _loaded(raw: Any, flags: list[str]) -> Any:
    if not isinstance(raw, str):
        return raw
    if raw == "null":  # a call that failed has no answer
        return None
    parsed = load(raw)
    if parsed.truncated and "truncated" not in flags:
        flags.append("truncated")
    return parsed.value


def _from_request(raw: Any, inputs: list[Message], values: Values, flags: list[str]) -> list[Message]:
    request = _struct(raw, _Request)
    if request is not None:
        _facts(values, {"model": request.model, "stream": request.stream})
        if inputs and len(request.messages) <= len(inputs):
            return inputs
    elif inputs:
        _facts(values, load_object(raw))
        return inputs
    return messages_of(_loaded(raw, flags), "user") or inputs


def _from_answer(raw: Any, outputs: list[Message], values: Values, flags: list[str]) -> list[Message]:
    answer = _struct(raw, _Answer)
    if answer is None:
        loaded = load_object(raw)
        answer = _Answer(loaded.get("id"), loaded.get("model"), loaded.get("llm_output"), loaded.get("usage"))
    chained = answer.llm_output if isinstance(answer.llm_output, dict) else {}
    _fill(values, "response_id", answer.id or chained.get("id"))
    _fill(values, "response_model", answer.model or chained.get("model_name"))
    if isinstance(answer.usage, dict):
        values.setdefault("usage", answer.usage)
    return outputs or messages_of(_loaded(raw, flags), "assistant")


def _struct(raw: Any, shape: type[Any]) -> Any:
    if not isinstance(raw, str) or not raw.startswith("{"):
        return None
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _facts(values: Values, request: dict[str, Any]) -> None:
    _fill(values, "request_model", request.get("model") or request.get("model_name"))
    if "stream" not in values and boolean(request.get("stream")):  # LangChain says false for its streams: no proof
        values["stream"] = True


def _fill(values: Values, field: str, value: Any) -> None:
    if field not in values and isinstance(value, str) and (text := label(value)):
        values[field] = text


def _finish_reason(values: Values, outputs: list[Message]) -> None:
    reason = next((message["finish_reason"] for message in outputs if message.get("finish_reason")), None)
    _fill(values, "finish_reason", reason)


def _system(raw: Any, spoken: str | None) -> str | None:
    given = instructions_text(load(raw).value if isinstance(raw, str) else raw) if raw is not None else None
    if given is None or spoken is None or spoken in given:
        return given or spoken
    return spoken if given in spoken else f"{given}\n{spoken}"


def _unwrapped(raw: Any, flags: list[str]) -> Any:
    """Take a value out of what a framework wrapped around it: run metadata, call signatures."""
    value = _loaded(raw, flags)
    if isinstance(value, dict):
        inner = next((value[name] for name in WRAPPERS if name in value and value.keys() - {name} <= RUN_FACTS), value)
        if value.keys() == {"args", "kwargs"}:
            inner = value["kwargs"] if not value["args"] else value["args"] if not value["kwargs"] else value
        return _loaded(inner, flags) if isinstance(inner, str) else inner
    return value


def _plainest(value: Any) -> Any:
    if isinstance(value, dict | list) and len(value) == 1:
        name, inner = next(iter(value.items())) if isinstance(value, dict) else ("text", value[0])
        if isinstance(inner, str) and name in NAMES:
            return inner
    return value


def _simplify(messages: list[Message]) -> None:
    """Take the one text out of `{"question": ...}` that chains put into a message."""
    if len(messages) == 1 == len(messages[0]["parts"]):
        part = messages[0]["parts"][0]
        if part["type"] == "text" and part["content"].startswith("{"):
            plain = _plainest(load(part["content"]).value)
            part["content"] = plain if isinstance(plain, str) else part["content"]


def tool_names(definitions: Any) -> list[str]:
    """Return the names of the tools a model was offered; their schemas are the same on every call and are not kept."""
    listed = load(definitions).value if isinstance(definitions, str) else definitions
    tools = [load_object(item) for item in listed] if isinstance(listed, list) else []
    named = [tool.get("name") or load_object(tool.get("function")).get("name") for tool in tools]
    return [name for name in named if isinstance(name, str)]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return _clean(value)
    return _clean(dump(value))


def _encoded(messages: list[Message]) -> str | None:
    return without_uris(dump(messages)) if messages else None


def _clean(text: str | None) -> str | None:
    return without_blobs(text) if text else None
