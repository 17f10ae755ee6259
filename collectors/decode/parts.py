"""The parts of one chat message: text, tool calls and their results, reasoning, and a short note of everything else."""

from __future__ import annotations

from typing import Any, Final

from collectors.decode.binary import LONG, bare, without_blobs
from collectors.decode.loose_json import dump, load

Part = dict[str, Any]

TEXT_TYPES: Final = frozenset({"text", "input_text", "output_text", "refusal", "prompt"})
CALL_TYPES: Final = frozenset({"tool_call", "tool_use", "function_call", "function", "server_tool_use"})
RESULT_TYPES: Final = frozenset(
    {"tool_call_response", "tool_result", "function_call_output", "tool_response", "tool_error"}
)
REASONING_TYPES: Final = frozenset({"reasoning", "thinking", "redacted_thinking"})
KEYED: Final = {
    "toolUse": "tool_call",
    "functionCall": "tool_call",
    "function_call": "tool_call",
    "toolResult": "tool_result",
    "functionResponse": "tool_result",
    "function_response": "tool_result",
    "reasoningContent": "reasoning",
}
"""Bedrock and Gemini name the type of a part by its only key."""

ENVELOPES: Final = ("message", "kwargs", "data", "message_content", "tool_call")
CALL_IDS: Final = ("call_id", "toolCallId", "toolUseId", "id")
SAID: Final = ("text", "thinking", "refusal", "summary", "reasoningText")
RESULT_IDS: Final = ("id", "tool_use_id", "call_id", "tool_call_id", "toolCallId", "toolUseId")
MAX_OTHER: Final = 256
ITEMS: Final = CALL_TYPES | RESULT_TYPES | REASONING_TYPES
"""What stands beside messages in the responses of OpenAI."""


def parts_of(message: dict[str, Any]) -> list[Part]:
    """Return the normalised parts of a message of any shape, out of its envelopes."""
    listed = message.get("parts")
    if isinstance(listed, list):
        return _with_calls(_listed(listed, message), message)
    if kind_of(message) in ITEMS:
        return _part(message)
    return _with_calls(_spoken(message), message)


def _listed(listed: list[Any], message: dict[str, Any]) -> list[Part]:
    parts = [part for item in listed for part in _part(item)]
    answered = message.get("tool_call_id")
    if answered and all(part["type"] == "text" for part in parts):
        text = "\n".join(part["content"] for part in parts)
        return [{"type": "tool_call_response", "id": _label(answered), "result": text}]
    return parts


def _with_calls(parts: list[Part], message: dict[str, Any]) -> list[Part]:
    """Return the parts, and those tool calls that stand beside them and are not among them."""
    calls = _calls(message)
    if not calls:
        return parts
    seen = {part["id"] for part in parts if part["type"] == "tool_call"} - {None}
    beside = [part for call in calls for part in _part({"type": "tool_call"} | opened(call))]
    return parts + [part for part in beside if part.get("id") not in seen]


def _spoken(message: dict[str, Any]) -> list[Part]:
    thought = message.get("reasoning_content")
    parts: list[Part] = [{"type": "reasoning", "content": thought}] if isinstance(thought, str) and thought else []
    content = message.get("content") or message.get("contents") or message.get("text") or message.get("refusal")
    if message.get("tool_call_id") or message.get("role") == "tool" or message.get("type") == "tool":
        return [*parts, _answer_of_tool(message, content)] if content else parts
    if isinstance(content, str) and content.startswith('[{"'):  # OpenLLMetry 0.x and Strands send parts as text
        loaded = load(content).value
        content = loaded if isinstance(loaded, list) and all(map(_is_part, loaded)) else content
    for part in content if isinstance(content, list) else [content]:
        parts += _part(part)
    return parts


def _answer_of_tool(message: dict[str, Any], content: Any) -> Part:
    call_id = _label(message.get("tool_call_id") or message.get("id"))
    return {"type": "tool_call_response", "id": call_id, "result": _bare(_plain(content))}


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


def _is_part(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    return kind_of(item) is not None or isinstance(item.get("text"), str) or not KEYED.keys().isdisjoint(item)


def _part(part: Any) -> list[Part]:
    if isinstance(part, str):
        return [{"type": "text", "content": part}] if part else []
    if not isinstance(part, dict):
        return []
    if isinstance(part.get("message_content"), dict):
        part = {key: value for key, value in part.items() if key != "message_content"} | part["message_content"]
    part = _named(part)
    kind = kind_of(part)
    if kind in TEXT_TYPES or kind in REASONING_TYPES or (kind is None and isinstance(part.get("text"), str | dict)):
        return _text_part(_said(part), "reasoning" if kind in REASONING_TYPES else "text")
    if kind in CALL_TYPES:
        return [_call(part)]
    if kind in RESULT_TYPES:
        return [_result(part)]
    return [] if kind is None else [{"type": kind[:32], "content": _small(part)}]


def _named(part: dict[str, Any]) -> dict[str, Any]:
    if "type" in part:
        return part
    key = next((key for key in KEYED if isinstance(part.get(key), dict)), None)
    return part if key is None else {"type": KEYED[key]} | part[key]


def _text_part(text: str | None, kind: str) -> list[Part]:
    if text and text.startswith('{"type":') and _is_part(block := load(text).value):
        return _part(block)  # OpenLLMetry for JavaScript puts each block in as the text of a part
    return [{"type": kind, "content": text}] if text else []


def _said(part: dict[str, Any]) -> str | None:
    found = part.get("content") or next((part[key] for key in SAID if part.get(key)), None)
    if isinstance(found, dict):
        found = found.get("text") or found.get("value")
    return _label(_plain(found))


def _call(part: dict[str, Any]) -> Part:
    inner = opened(part)
    spelled = inner.get("content")
    if isinstance(spelled, str) and "name" not in inner and isinstance(block := load(spelled).value, dict):
        inner = block
    function = inner.get("function")
    source = function if isinstance(function, dict) else inner
    arguments = next((source[key] for key in ("arguments", "input", "args") if source.get(key) is not None), None)
    return {
        "type": "tool_call",
        "id": _label(next((part[key] for key in CALL_IDS if part.get(key)), None) or inner.get("id")),
        "name": _label(source.get("name") or source.get("toolName")),
        "arguments": _bare(load(arguments).value if isinstance(arguments, str) else arguments),
    }


def _result(part: dict[str, Any]) -> Part:
    result = next((part[key] for key in ("result", "response", "content", "output") if part.get(key) is not None), None)
    if (
        isinstance(result, dict) and "value" in result and "type" in result
    ):  # Vercel AI SDK: {"type": "text", "value": ...}
        result = result["value"]
    call_id = next((part[key] for key in RESULT_IDS if part.get(key)), None)
    return {"type": "tool_call_response", "id": _label(call_id), "result": _bare(_plain(result))}


def _bare(value: Any) -> Any:
    """What tools are given and say is any JSON, with pictures in it at times."""
    return without_blobs(value) if isinstance(value, str) else bare(value, least=LONG)


def _label(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    """Return text where parts are only text, else the value."""
    if isinstance(value, list):
        texts = [text["content"] for item in value for text in _part(item) if text["type"] == "text"]
        return "\n".join(texts) if len(texts) == len(value) else value
    return value


def _small(part: dict[str, Any]) -> str:
    text = without_blobs(dump(bare({key: value for key, value in part.items() if key != "type"})))
    return text if len(text) <= MAX_OTHER else f"<{len(text)} characters>"


def opened(item: dict[str, Any]) -> dict[str, Any]:
    """Take the message out of its envelopes; LangChain has two, one around the other."""
    for _ in range(2):
        for name in ENVELOPES:
            inner = item.get(name)
            if isinstance(inner, dict):
                item = inner
                break
        else:
            break
    return item


def kind_of(item: dict[str, Any]) -> str | None:
    """Return the type that a part or message names."""
    kind = item.get("type")
    return kind.replace("-", "_") if isinstance(kind, str) else None
