"""Chat messages of every shape, normalised to the one of the OpenTelemetry GenAI conventions.

Out: `[{"role": ..., "parts": [{"type": "text", "content": ...}, {"type": "tool_call", "id", "name", "arguments"},
{"type": "tool_call_response", "id", "result"}, {"type": "reasoning", "content"}, ...]}, ...]`.
In: that shape, OpenAI chat and responses, Anthropic, LangChain (constructor, dumped and tuple form) and the rebuilt lists
of flattened keys. What holds no content is left out, so that "content capture is off" never looks like an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from collectors.decode.loose_json import dump, load

Message = dict[str, Any]

ROLES: Final = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "developer": "system",
    "function": "tool",
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
}
TEXT_TYPES: Final = frozenset({"text", "input_text", "output_text", "refusal", "prompt"})
CALL_TYPES: Final = frozenset({"tool_call", "tool_use", "function_call", "function", "server_tool_use"})
RESULT_TYPES: Final = frozenset({"tool_call_response", "tool_result", "function_call_output", "tool_response"})
REASONING_TYPES: Final = frozenset({"reasoning", "thinking", "redacted_thinking"})
ENVELOPES: Final = ("message", "kwargs", "data", "message_content", "tool_call")
MAX_OTHER: Final = 256

DATA_URI: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,([A-Za-z0-9+/=_-]*)")


def without_blobs(text: str) -> str:
    """Replace `data:` URIs by their media type and size: pictures and sound are not text, and may show people."""
    if ";base64," not in text:
        return text
    return DATA_URI.sub(lambda match: f"<{match[1] or 'data'} {len(match[2]) * 3 // 4} bytes>", text)


def messages_of(value: Any, role: str) -> list[Message]:
    """Normalise whatever stands for a list of messages; `role` is that of plain text. Never raises."""
    if isinstance(value, str):
        return [_text_message(role, value)] if value else []
    if isinstance(value, dict):
        return _from_object(value, role)
    if not isinstance(value, list):
        return []
    if value and isinstance(value[0], list) and not _is_pair(value[0]):
        value = [item for batch in value if isinstance(batch, list) for item in batch]
    return [message for item in value for message in _from_item(item, role)]


def has_messages(value: Any) -> bool:
    """Tell an object or list that holds chat messages from any other JSON."""
    if isinstance(value, dict):
        return any(isinstance(value.get(key), list) for key in ("messages", "choices", "generations"))
    return isinstance(value, list) and bool(value) and all(_looks_like_message(item) for item in value)


def split_system(messages: list[Message]) -> tuple[str | None, list[Message]]:
    """Take the system prompts out of a conversation."""
    system = [message for message in messages if message["role"] == "system"]
    if not system:
        return None, messages
    return text_of(system), [message for message in messages if message["role"] != "system"]


def text_of(messages: list[Message]) -> str | None:
    """Return the text parts, one a line."""
    return (
        "\n".join(part["content"] for message in messages for part in message["parts"] if part["type"] == "text")
        or None
    )


def instructions_text(value: Any) -> str | None:
    """Return a system prompt that came as text, as parts or as messages."""
    if isinstance(value, list):
        value = [
            item if "role" in item else {"role": "system", "parts": [item]} for item in value if isinstance(item, dict)
        ]
    return text_of(messages_of(value, "system"))


def last_answer(messages: list[Message]) -> list[Message]:
    """Return the last assistant message with text: of a whole history, that is what came out."""
    for message in reversed(messages):
        if message["role"] == "assistant" and any(part["type"] == "text" for part in message["parts"]):
            return [message]
    return messages[-1:]


def _from_item(item: Any, role: str) -> list[Message]:
    if isinstance(item, dict) and isinstance(item.get("update"), dict):  # LangGraph commands
        return _from_object(item["update"], role)
    message = _message(item, role)
    return [message] if message else []


def _from_object(value: dict[str, Any], role: str) -> list[Message]:
    if isinstance(value.get("messages"), list):
        system = messages_of(value.get("system"), "system")
        return system + messages_of(value["messages"], role)
    if isinstance(value.get("choices"), list):
        return messages_of(value["choices"], "assistant")
    if isinstance(value.get("generations"), list):
        return messages_of(value["generations"], "assistant")
    if isinstance(value.get("output"), list):  # OpenAI responses
        return messages_of(value["output"], "assistant")
    return _from_item(value, role)


def _is_pair(item: list[Any]) -> bool:
    return len(item) == 2 and isinstance(item[0], str) and item[0] in ROLES and isinstance(item[1], str)


def _looks_like_message(item: Any) -> bool:
    if isinstance(item, list):
        return _is_pair(item) or (bool(item) and all(_looks_like_message(inner) for inner in item))
    if not isinstance(item, dict):
        return False
    if isinstance(item.get("update"), dict):
        return has_messages(item["update"])
    inner = _opened(item)
    return ("role" in item or "role" in inner or _kind(item) in ROLES) and not {"parts", "content"}.isdisjoint(inner)


def _opened(item: dict[str, Any]) -> dict[str, Any]:
    """Take the message out of its envelopes; LangChain has two, one around the other."""
    for _ in range(2):
        item = next((item[name] for name in ENVELOPES if isinstance(item.get(name), dict)), item)
    return item


def _kind(item: dict[str, Any]) -> str | None:
    kind = item.get("type")
    return kind if isinstance(kind, str) else None


def _message(item: Any, role: str) -> Message | None:
    if isinstance(item, str):
        return _text_message(role, item) if item else None
    if isinstance(item, list):
        return _text_message(ROLES[item[0]], item[1]) if _is_pair(item) else None
    if not isinstance(item, dict):
        return None
    parts = item.get("parts")
    inner = item if isinstance(parts, list) else _opened(item)
    found = list(_parts(inner))
    if not found:
        return None
    message = {"role": _role(item, inner, role), "parts": found}
    finish = item.get("finish_reason") or inner.get("finish_reason")
    if isinstance(finish, str):
        message["finish_reason"] = finish
    return message


def _text_message(role: str, text: str) -> Message:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _role(item: dict[str, Any], inner: dict[str, Any], default: str) -> str:
    named = item.get("role") or inner.get("role") or inner.get("type") or item.get("type")
    if named == "constructor":
        path = item.get("id")
        named = path[-1] if isinstance(path, list) and path else None
    if not isinstance(named, str):
        return default
    if named in ROLES:
        return ROLES[named]
    if named in RESULT_TYPES:
        return "tool"
    return named[:32] if "role" in item else default


def _parts(message: dict[str, Any]) -> Iterator[Message]:
    listed = message.get("parts")
    if isinstance(listed, list):
        for part in listed:
            yield from _part(part)
        return
    if _kind(message) in CALL_TYPES | RESULT_TYPES | REASONING_TYPES:  # OpenAI responses: items beside messages
        yield from _part(message)
        return
    seen: set[Any] = set()
    for part in _spoken(message):
        if part["type"] == "tool_call":
            seen.add(part["id"])
        yield part
    for call in _calls(message):
        for part in _part({"type": "tool_call"} | _opened(call)):
            if part["id"] is None or part["id"] not in seen:
                yield part


def _spoken(message: dict[str, Any]) -> Iterator[Message]:
    thought = message.get("reasoning_content")
    if isinstance(thought, str) and thought:
        yield {"type": "reasoning", "content": thought}
    content = message.get("content") or message.get("contents") or message.get("text") or message.get("refusal")
    call_id = message.get("tool_call_id")
    if call_id or message.get("role") == "tool" or message.get("type") == "tool":
        if content:
            yield {"type": "tool_call_response", "id": _label(call_id or message.get("id")), "result": _plain(content)}
        return
    if isinstance(content, str) and content.startswith('[{"type"'):  # OpenLLMetry 0.x put lists of parts in as text
        content = load(content).value
    for part in content if isinstance(content, list) else [content]:
        yield from _part(part)


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return [call for call in calls if isinstance(call, dict)]
    single = message.get("function_call")
    if isinstance(single, dict):
        return [single]
    if isinstance(message.get("function_call_name"), str):
        return [{"name": message["function_call_name"], "arguments": message.get("function_call_arguments_json")}]
    return []


def _part(part: Any) -> Iterator[Message]:
    if isinstance(part, str):
        if part:
            yield {"type": "text", "content": part}
        return
    if not isinstance(part, dict):
        return
    if isinstance(part.get("message_content"), dict):
        part = part | part["message_content"]
    kind = _kind(part)
    if kind in TEXT_TYPES or (kind is None and isinstance(part.get("text"), str)):
        text = part.get("content") or part.get("text") or part.get("refusal")
        if isinstance(text, str) and text:
            yield {"type": "text", "content": text}
    elif kind in CALL_TYPES:
        yield _call(part)
    elif kind in RESULT_TYPES:
        yield _result(part)
    elif kind in REASONING_TYPES:
        text = _plain(part.get("content") or part.get("thinking") or part.get("text") or part.get("summary"))
        if isinstance(text, str) and text:
            yield {"type": "reasoning", "content": text}
    elif kind is not None:
        yield {"type": kind[:32], "content": _small(part)}


def _call(part: dict[str, Any]) -> Message:
    inner = _opened(part)
    function = inner.get("function")
    source = function if isinstance(function, dict) else inner
    arguments = next((source[key] for key in ("arguments", "input", "args") if source.get(key) is not None), None)
    return {
        "type": "tool_call",
        "id": _label(part.get("call_id") or inner.get("id") or part.get("id")),
        "name": _label(source.get("name")),
        "arguments": load(arguments).value if isinstance(arguments, str) else arguments,
    }


def _result(part: dict[str, Any]) -> Message:
    result = next((part[key] for key in ("result", "response", "content", "output") if part.get(key) is not None), None)
    call_id = part.get("id") or part.get("tool_use_id") or part.get("call_id") or part.get("tool_call_id")
    return {"type": "tool_call_response", "id": _label(call_id), "result": _plain(result)}


def _label(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    """Return text where parts are only text, else the value."""
    if isinstance(value, list):
        texts = [text["content"] for item in value for text in _part(item) if text["type"] == "text"]
        return "\n".join(texts) if len(texts) == len(value) else value
    return value


def _small(part: dict[str, Any]) -> str:
    text = without_blobs(dump({key: value for key, value in part.items() if key != "type"}))
    return text if len(text) <= MAX_OTHER else f"<{len(text)} characters>"
