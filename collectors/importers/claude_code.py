"""Transcripts that Claude Code keeps of its sessions: JSON lines of what the user, the model and the tools said.

Source: the files below ~/.claude/projects, as Claude Code 2.1 writes them. Each question is a turn; an answer that was written in
several lines under one message id is one call, with its usage once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from collectors.importers.ids import digest
from collectors.importers.instants import nanoseconds
from collectors.importers.readers import ImportItem
from collectors.importers.record import Failure, Origin, RecordSpan, Told, mapping, said

Record = dict[str, Any]

KEYS: Final = {
    "type": "kind",
    "sessionId": "session_id",
    "uuid": "span_id",
    "parentUuid": "trace_id",
    "timestamp": "time",
    "requestId": "response_id",
    "message": "input_messages, output_messages, request_model, response_id, input_tokens, output_tokens, cached_input_tokens",
    "version": "release",
    "cwd": "kept",
    "gitBranch": "kept",
}

TURN, ASKED, TOOLS = "plumbline.turn", "plumbline.asked", "plumbline.tools"
"""What is known of the lines before: the question of the turn, its text, and the tools that were called."""


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a line of a transcript."""
    return {"sessionId", "uuid", "type"} <= record.keys() and isinstance(record.get("message"), dict)


@dataclass
class _Session:
    turn: str = ""
    asked: Any = None
    tools: dict[str, Record] = field(default_factory=dict)


def gather(items: Iterator[ImportItem]) -> Iterator[ImportItem]:
    """Put the lines of one answer together, and tell each line what was asked before it."""
    sessions: dict[str, _Session] = {}
    held: ImportItem | None = None
    for item in items:
        record = item.record if isinstance(item.record, dict) else None
        if record is None or not looks(record):
            yield item
            continue
        if held is not None and _continues(held.record, record):
            held.record["message"]["content"] += _blocks(record)
            _note_tools(sessions[str(record["sessionId"])], _blocks(record))
            continue
        if held is not None:
            yield held
        held = ImportItem(item.position, _placed(record, sessions))
    if held is not None:
        yield held


def _continues(before: Record, record: Record) -> bool:
    message, earlier = record["message"], before["message"]
    return (
        record["type"] == "assistant" == before["type"]
        and said(message.get("id")) is not None
        and message.get("id") == earlier.get("id")
    )


def _placed(record: Record, sessions: dict[str, _Session]) -> Record:
    session = sessions.setdefault(str(record["sessionId"]), _Session())
    blocks = _blocks(record)
    results = [block for block in blocks if block.get("type") == "tool_result"]
    if record["type"] == "user" and not results:
        session.turn, session.asked = str(record["uuid"]), record["message"].get("content")
    _note_tools(session, blocks)
    tools = {str(block.get("tool_use_id")): session.tools.get(str(block.get("tool_use_id")), {}) for block in results}
    message = {**record["message"], "content": blocks}
    return {**record, "message": message, TURN: session.turn or str(record["uuid"]), ASKED: session.asked, TOOLS: tools}


def _note_tools(session: _Session, blocks: list[Record]) -> None:
    session.tools |= {str(block.get("id")): block for block in blocks if block.get("type") == "tool_use"}


def _blocks(record: Record) -> list[Record]:
    content = record["message"].get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def tell(record: Mapping[str, Any], _origin: Origin) -> Told:
    """Return a question, a call or the runs of tools as spans of their turn."""
    turn = str(record.get(TURN) or record.get("uuid"))
    session = said(record.get("sessionId"))
    trace, root = digest("claude-code", str(session), turn)[:32], digest("claude-code turn", str(session), turn)[:16]
    at, message = nanoseconds(record.get("timestamp")), mapping(record.get("message"))
    own = digest("claude-code line", str(session), said(message.get("id")) or str(record.get("uuid")))[:16]
    resource = {"service.name": "claude-code", "service.version": said(record.get("version"))}
    results = [
        block
        for block in message.get("content") or ()
        if isinstance(block, dict) and block.get("type") == "tool_result"
    ]
    if record.get("type") == "assistant":
        steps = [
            RecordSpan(
                trace, own, "claude_code.llm_request", at, at, _call(record, message, session), root, _failure(message)
            )
        ]
    elif results:
        steps = [_tool(record, block, trace, root, at, session) for block in results]
    else:
        asked = {"session.id": session, "input.value": message.get("content"), "openinference.span.kind": "CHAIN"}
        steps = [RecordSpan(trace, root, "claude_code.user_prompt", at, at, asked | {"input.value": _text(message)})]
    return Told(steps, (), resource)


def _text(message: Mapping[str, Any]) -> str | None:
    texts = [
        str(block["text"]) for block in message.get("content") or () if isinstance(block, dict) and block.get("text")
    ]
    return "\n".join(texts) or None


def _call(record: Mapping[str, Any], message: Mapping[str, Any], session: str | None) -> Record:
    asked = record.get(ASKED)
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": said(message.get("model")),
        "gen_ai.response.id": said(message.get("id")),
        "gen_ai.response.finish_reasons": said(message.get("stop_reason")),
        "gen_ai.input.messages": [{"role": "user", "content": asked}] if asked else None,
        "gen_ai.output.messages": [{"role": "assistant", "content": message.get("content")}],
        "langfuse.observation.usage_details": mapping(message.get("usage")) or None,
        "session.id": session,
    }


def _failure(message: Mapping[str, Any]) -> Failure | None:
    """What Claude Code writes where the provider did not answer."""
    return Failure("api_error", _text(message)) if message.get("model") == "<synthetic>" else None


def _tool(
    record: Mapping[str, Any], block: Mapping[str, Any], trace: str, root: str, at: int, session: str | None
) -> RecordSpan:
    call_id = str(block.get("tool_use_id"))
    asked = mapping(mapping(record.get(TOOLS)).get(call_id))
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": said(asked.get("name")),
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.call.arguments": asked.get("input"),
        "gen_ai.tool.call.result": block.get("content"),
        "session.id": session,
    }
    failure = Failure("tool_error", None) if block.get("is_error") is True else None
    return RecordSpan(
        trace, digest("claude-code tool", call_id)[:16], "claude_code.tool", at, at, attributes, root, failure
    )
