"""A flow of Microsoft Teams Workflows ("When a Teams webhook request is received"): one adaptive card a request, 202 when it has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from plumbline.demo.stubs.answer import Answer, Asked, refused
from plumbline.demo.stubs.mentions import mentions_in

LARGEST: Final = 28 * 1024
CARD: Final = "application/vnd.microsoft.card.adaptive"
KNOWN: Final = frozenset(
    {"TextBlock", "RichTextBlock", "TextRun", "FactSet", "Container", "ActionSet", "Action.OpenUrl"}
)


def teams(asked: Asked) -> Answer:
    """Take one card, or say why not."""
    problem = teams_problem(asked.body)
    if problem:
        return refused(problem)
    card = json.loads(asked.body)["attachments"][0]["content"]
    asked.model.cards.append(card)
    key = card["body"][-1]["inlines"][0]["text"]
    asked.model.take(key, key.split(":")[3], {"data": card})
    return Answer(202)


def teams_problem(body: bytes) -> str:
    """Return why the flow would fail on `body`, or what in the card is active that must not be; "" for neither."""
    if len(body) > LARGEST:
        return "too large"
    message = json.loads(body)
    attachments = message.get("attachments", [])
    if message.get("type") != "message" or len(attachments) != 1 or attachments[0].get("contentType") != CARD:
        return "no adaptive card"
    card = attachments[0].get("content", {})
    if card.get("type") != "AdaptiveCard" or card.get("version") != "1.4" or not card.get("body"):
        return "card"
    unknown = {node["type"] for node in _nodes([card["body"], card.get("actions", [])])} - KNOWN
    return f"unknown: {sorted(unknown)}" if unknown else _active(card)


def _active(card: dict[str, Any]) -> str:
    """Text blocks are read as Markdown and may name functions `{{...}}`; runs of a rich text block are not."""
    if any(node["type"] in {"TextBlock", "FactSet"} for node in _nodes(card["body"])):
        return "active: markdown"
    if any("{{" in node.get("text", "") for node in _nodes(card["body"])) or mentions_in(card["body"]):
        return "active: text"
    links = [node.get("url", "") for node in _nodes(card.get("actions", []))]
    return "" if all(link.startswith(("http://", "https://")) for link in links) else "link"


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "type" in node:
            yield node
        for child in node.values():
            yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)
