"""Chat messages of every shape, normalised to the one of the OpenTelemetry GenAI conventions.

Out: `[{"role": ..., "parts": [{"type": "text", "content": ...}, {"type": "tool_call", "id", "name", "arguments"},
{"type": "tool_call_response", "id", "result"}, {"type": "reasoning", "content"}, ...]}, ...]`.
In: that shape, OpenAI chat and responses, Anthropic, LangChain (constructor, dumped and tuple form) and the rebuilt lists
of flattened keys. What holds no content is left out, so that "content capture is off" never looks like an empty answer.
"""

from __future__ import annotations

from typing import Any, Final

from collectors.decode.parts import RESULT_TYPES, kind_of, opened, parts_of

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
LISTS: Final = ("messages", "choices", "generations")
SAID: Final = ("messages", "contents", "input", "prompt", "prompts", "items")
PLAIN: Final = ("input", "prompt")
ANSWERED: Final = ("choices", "generations", "output", "candidates")
SYSTEM: Final = ("system", "instructions", "system_instruction", "systemInstruction")
"""Where the requests and answers of the providers' APIs hold what was said; `config` is Google's."""


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
        return any(isinstance(value.get(key), list) for key in LISTS) or _looks_like_message(value)
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
            item if isinstance(item, dict) and "role" in item else {"role": "system", "parts": [item]} for item in value
        ]
    return text_of(messages_of(value, "system"))


def answered_last(said: dict[str, list[Message]]) -> None:
    """Take an answer that came as the last message of a conversation for what it is: what the model said, not what it was told."""
    if said["input"] and not said["output"] and said["input"][-1]["role"] == "assistant":
        said["output"].append(said["input"].pop())


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
    if "role" not in value:
        for name in SAID:
            if value.get(name) and (isinstance(value[name], list) or (name in PLAIN and isinstance(value[name], str))):
                return _system_of(value) + messages_of(value[name], role)
        for name in ANSWERED:
            if isinstance(value.get(name), list):
                return messages_of(value[name], "assistant")
        if isinstance(value.get("output"), dict):  # Bedrock Converse
            return _from_item(value["output"], "assistant")
    return _from_item(value, role)


def _system_of(request: dict[str, Any]) -> list[Message]:
    config = request.get("config")
    places = (request, config if isinstance(config, dict) else {})
    found = next((place[name] for place in places for name in SYSTEM if place.get(name)), None)
    return messages_of(found, "system")


def _is_pair(item: list[Any]) -> bool:
    return len(item) == 2 and isinstance(item[0], str) and item[0] in ROLES and isinstance(item[1], str)


def _looks_like_message(item: Any) -> bool:
    if isinstance(item, list):
        return _is_pair(item) or (bool(item) and all(_looks_like_message(inner) for inner in item))
    if not isinstance(item, dict):
        return False
    if isinstance(item.get("update"), dict):
        return has_messages(item["update"])
    inner = opened(item)
    return ("role" in item or "role" in inner or kind_of(item) in ROLES) and not {"parts", "content"}.isdisjoint(inner)


def _message(item: Any, role: str) -> Message | None:
    if isinstance(item, str):
        return _text_message(role, item) if item else None
    if isinstance(item, list):
        return _text_message(ROLES[item[0]], item[1]) if _is_pair(item) else None
    if not isinstance(item, dict):
        return None
    item = _unwrapped(item)
    parts = item.get("parts")
    inner = item if isinstance(parts, list) else opened(item)
    found = parts_of(inner)
    if not found:
        return None
    named = _role(item, inner, role)
    if named == "user" and all(part["type"] == "tool_call_response" for part in found):
        named = "tool"  # Anthropic, Bedrock and Gemini let the user hand in what tools said
    if "role" not in item and all(part["type"] in {"tool_call", "reasoning"} for part in found):
        named = "assistant"  # items of an OpenAI response, handed in again
    message = {"role": named, "parts": found}
    finish = item.get("finish_reason") or inner.get("finish_reason")
    if isinstance(finish, str):
        message["finish_reason"] = finish
    return message


def _unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """Take the parts of a message out of what some put around them."""
    content = item.get("content")
    if type(content) is dict:
        if isinstance(content.get("parts"), list):  # Gemini
            return item | content
        if "message" in content:  # AgentCore wraps an answer and why it ended
            return item | {"content": content["message"], "finish_reason": content.get("finish_reason")}
    if type(item.get("parts")) is dict:  # one part where a list belongs
        return item | {"parts": [item["parts"]]}
    return item


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
