"""Slack: an incoming webhook, and the two methods of its Web API that a bot of ours calls."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from plumbline.demo.stubs.answer import Answer, Asked, refused
from plumbline.demo.stubs.mentions import MENTION

LINK: Final = re.compile(r"<(https?://[^<>|]*)\|(?:Open in Plumbline|Runbook)>")
CHANNEL: Final = re.compile(r"^[CGD][A-Z0-9]{8,}$|^#[a-z0-9_-]{1,80}$")


def slack(asked: Asked) -> Answer:
    """Take one post to the secret address; the answer is the word `ok`."""
    post = json.loads(asked.body)
    problem = slack_problem(post)
    if problem is not None:
        return refused(problem)
    key = _key(post)
    asked.model.take(key, key.split(":")[3], {"data": post})
    return Answer(200, b"ok")


def post_message(asked: Asked) -> Answer:
    """`chat.postMessage`: 200 in any case, and `ok` in the body says whether it was taken."""
    post = json.loads(asked.body)
    problem = _bot_problem(asked, post)
    threads, parent = asked.model.threads, post.get("thread_ts")
    if not problem and parent is not None and parent not in threads:
        problem = "thread_not_found"
    if problem:
        return _said(asked, problem)
    stamp = f"1700000000.{sum(len(posts) for posts in threads.values()):06d}"
    threads.setdefault(parent or stamp, []).append({**post, "ts": stamp})
    key = _key(post)
    asked.model.take(key, key.split(":")[3], {"data": post["blocks"]})
    return Answer(200, json.dumps({"ok": True, "channel": post["channel"], "ts": stamp, "message": post}).encode())


def update(asked: Asked) -> Answer:
    """`chat.update`: the first post of a thread says how things stand now."""
    post = json.loads(asked.body)
    problem = _bot_problem(asked, post)
    thread = asked.model.threads.get(post.get("ts", ""))
    if problem or thread is None:
        return _said(asked, problem or "message_not_found")
    thread[0] = {**post, "edited": True}
    return Answer(200, json.dumps({"ok": True, "channel": post["channel"], "ts": post["ts"]}).encode())


def _said(asked: Asked, problem: str) -> Answer:
    asked.model.refusals.append(problem)
    return Answer(200, json.dumps({"ok": False, "error": problem.partition(":")[0]}).encode())


def _bot_problem(asked: Asked, post: dict[str, Any]) -> str:
    if not asked.headers.get("authorization", "").startswith("Bearer xoxb-"):
        return "invalid_auth"
    if not CHANNEL.match(post.get("channel", "")):
        return "channel_not_found"
    return slack_problem(post) or ""


def _key(post: dict[str, Any]) -> str:
    return html.unescape(post["blocks"][-1]["elements"][0]["text"])


def slack_problem(post: dict[str, Any]) -> str | None:
    """Return why Slack would refuse `post`, or what in it is active that must not be."""
    blocks = post.get("blocks", [])
    texts = list(_texts(blocks))
    if not post.get("text") or not 1 <= len(blocks) <= 50:
        return "no_text"
    if sum(len(text["text"]) for text in texts) + len(post["text"]) > 10_000:
        return "msg_blocks_too_long"
    for block in blocks:
        problem = _block_problem(block)
        if problem:
            return problem
    active = [text["text"] for text in texts if _is_active(text)]
    return f"active: {active}" if active or _raw(post["text"]) else None


def _texts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in {"plain_text", "mrkdwn"}:
            yield node
        else:
            for child in node.values():
                yield from _texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from _texts(child)


def _block_problem(block: dict[str, Any]) -> str | None:
    kind, limits = block["type"], {"header": 150, "section": 3000}
    if kind == "actions":
        return _buttons_problem(block.get("elements", []))
    text, fields = block.get("text"), block.get("fields", [])
    if kind == "header" and (not text or text["type"] != "plain_text"):
        return "invalid_blocks: header"
    if kind == "section" and not text and not fields:
        return "invalid_blocks: empty section"
    if text and not 1 <= len(text["text"]) <= limits[kind]:
        return f"invalid_blocks: {kind} of {len(text['text'])}"
    if len(fields) > 10 or any(not 1 <= len(one["text"]) <= 2000 for one in fields):
        return "invalid_blocks: fields"
    return None


def _buttons_problem(buttons: list[dict[str, Any]]) -> str | None:
    if not 1 <= len(buttons) <= 25 or len({one.get("action_id") for one in buttons}) < len(buttons):
        return "invalid_blocks: actions"
    fits = (
        one["type"] == "button"
        and one["text"]["type"] == "plain_text"
        and 1 <= len(one["text"]["text"]) <= 75
        and 1 <= len(one["action_id"]) <= 255
        and len(one.get("value", "")) <= 2000
        for one in buttons
    )
    return None if all(fits) else "invalid_blocks: button"


def buttons_of(post: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the buttons of a post by what they are called."""
    rows = (block["elements"] for block in post["blocks"] if block["type"] == "actions")
    return {button["text"]["text"]: button for row in rows for button in row}


def _is_active(text: dict[str, Any]) -> bool:
    bare = LINK.sub("", text["text"]) if text["type"] == "mrkdwn" else text["text"]
    return _raw(bare)


def _raw(text: str) -> bool:
    return "<" in text or ">" in text or bool(MENTION.search(text)) or bool(re.search(r"&(?!amp;|lt;|gt;)", text))
