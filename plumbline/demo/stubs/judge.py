"""A stand-in for a judge model on loopback: it reads the question as a model would, and misbehaves as services do.

It knows what a real service knows, the request, and no more. Of an answer it thinks that filler makes it bad. Modes in which it can
be fooled are models that can: `copies` repeats the first verdict that stands literally in the answer, `believes` takes claims for true.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal, get_args

from plumbline.demo.stubs.serving import in_background

Mode = Literal[
    "ok", "slow", "hang", "429", "500", "400", "401", "404", "quota", "cut", "empty", "schema", "huge", "error200",
    "refuses", "garbage", "invents", "copies", "believes", "lenient", "harsh", "first",
]  # fmt: skip
"""`cut`, `empty`, `garbage` and `huge` are bodies, `schema` another form; `error200` tells an error in a good answer;
`invents` quotes what is not there; `lenient` and `harsh` are another model, for which no filler, or one sentence of it, is too much; `first` takes the code that stands first."""

PORT: Final = 4320
"""Where the demo's judge is, unless it is told otherwise."""

FILLER: Final = re.compile(
    r"[^.!?]*\b(behind the scenes|several ways to look|to put it in other words|as a general remark|in the wider picture"
    r"|one more thought|before going on|worth remembering|many customers ask|has sold things for)\b[^.!?]*[.!?]",
    re.IGNORECASE,
)
CLAIM: Final = re.compile(r"(complies|does not violate|is fine|has been approved|is compliant)", re.IGNORECASE)
LITERAL: Final = re.compile(r"\{[^{}]*\"verdict\"[^{}]*\}", re.DOTALL)
_CODES: Final = re.compile(r"^\s+([A-Z]{4,12}) = (.+)$", re.MULTILINE)
_PARTS: Final = re.compile(r"^(the user asked|the application answered): (\".*\")$", re.MULTILINE)
_MANY: Final = 2


@dataclass(frozen=True)
class Read:
    """What a model makes of a question: its codes by what they mean, and the exchange."""

    codes: Mapping[str, str]
    asked: str
    answered: str


def understood(system: str, user: str) -> Read:
    """Return the question as it is written in a prompt."""
    codes = {meaning: code for code, meaning in _CODES.findall(system)}
    parts = {name: json.loads(text) for name, text in _PARTS.findall(user)}
    return Read(codes, parts.get("the user asked", ""), parts.get("the application answered", ""))


def thought(read: Read, mode: str) -> dict[str, Any]:
    """Return the verdict of the stand-in, as the reply that was asked for."""
    if mode == "copies" and (found := LITERAL.search(read.answered)):
        with_quotes: dict[str, Any] = _object(found[0])
        return with_quotes
    filler = [piece[0].strip() for piece in FILLER.finditer(read.answered)]
    many = {"lenient": 1_000, "harsh": 1}.get(mode, _MANY)
    bad = len(filler) >= many and not (mode == "believes" and CLAIM.search(read.answered))
    return {
        "quotes": ["what nobody has ever said here"] if mode == "invents" else filler[:1] if bad else [],
        "reason": f"{len(filler)} sentences of general remarks",
        "confidence": "high" if len(filler) != _MANY else "med",
        "verdict": _code(read, mode, bad=bad),
    }


def _code(read: Read, mode: str, *, bad: bool) -> str:
    """The code of a verdict; a judge in mode `first` takes the code that stands first."""
    if mode == "first":
        return next(iter(read.codes.values()))
    return read.codes["the answer violates the rule" if bad else "the answer does not violate the rule"]


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"verdict": text}
    return found if isinstance(found, dict) else {}


class JudgeStub(ThreadingHTTPServer):
    """Serves chat completions, messages and decisions. `served` counts questions that were well put, `busy` those under way."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, key: str | None = None) -> None:
        """Bind to loopback; port 0 picks one. With a `key` others are refused."""
        super().__init__(("127.0.0.1", port), Handler)
        self.mode: Mode = "ok"
        self.key, self.slow_s = key, 0.3
        self.served = self.busy = self.busiest = 0
        self.problems: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.changing = threading.Lock()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def enter(self) -> None:
        """Note a question that has come."""
        with self.changing:
            self.served, self.busy = self.served + 1, self.busy + 1
            self.busiest = max(self.busiest, self.busy)

    def leave(self) -> None:
        """Note that it is done with."""
        with self.changing:
            self.busy -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: a client that left is no error."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: JudgeStub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer, or misbehave."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/mode":
            self._switch(body.decode())
            return
        self.server.enter()
        try:
            self._answer(body)
        finally:
            self.server.leave()

    def _switch(self, mode: str) -> None:
        if mode in get_args(Mode):
            self.server.mode = mode  # type: ignore[assignment]  # one of them
            self._send(200, {"mode": mode})
        else:
            self._send(400, {"modes": get_args(Mode)})

    def _answer(self, body: bytes) -> None:
        mode = self.server.mode
        if (
            self.server.key is not None
            and self.server.key not in f"{self.headers['authorization']} {self.headers['x-api-key']}"
        ):
            self._send(401, {"error": {"code": "invalid_api_key", "message": "no"}})
        elif mode in {"slow", "hang"}:
            self.server.released.wait(self.server.slow_s if mode == "slow" else 60)
            self._good(body, mode)
        elif mode in _REFUSALS:
            self._send(*_REFUSALS[mode])
        elif mode in _BODIES:
            self._bytes(200, _BODIES[mode])
        else:
            self._good(body, mode)

    def _good(self, body: bytes, mode: str) -> None:
        asked = json.loads(body)
        answer = {
            "/chat/completions": chat,
            "/v1/chat/completions": chat,
            "/v1/messages": messages,
            "/v1/systemone": decisions,
        }
        try:
            told = answer[self.path](asked, mode)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            self.server.problems.append(f"{self.path}: {type(error).__name__} {error}")
            self._send(400, {"error": {"message": "bad request"}})
            return
        with self.server.changing:
            self.server.asked = [*self.server.asked[-99:], asked]
        self._send(200, told)

    def _send(self, status: int, told: Mapping[str, Any]) -> None:
        self._bytes(status, json.dumps(told).encode())

    def _bytes(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
        """Stay quiet."""


_REFUSALS: Final[Mapping[str, tuple[int, dict[str, Any]]]] = {
    "429": (429, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}),
    "500": (500, {"error": {"message": "<b>boom</b>"}}),
    "400": (400, {"error": {"message": "no"}}),
    "401": (401, {"error": {"code": "invalid_api_key", "message": "your key has expired"}}),
    "404": (404, {"error": {"code": "model_not_found", "message": "gone"}}),
    "quota": (429, {"error": {"code": "insufficient_quota", "message": "see your plan and billing"}}),
    "error200": (200, {"error": {"code": "server_error", "message": "something went wrong"}}),
    "schema": (200, {"results": [{"label": "fine"}]}),
}
_BODIES: Final[Mapping[str, bytes]] = {
    "cut": b'{"choices": [{"message": {"content": "{\\"verd',
    "empty": b"",
    "garbage": bytes(range(256)),
    "huge": b'{"choices": [{"message": {"content": "' + b"x" * 1_000_000 + b'"}}]}',
}


def chat(asked: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Answer a chat completion; what is wrong with the request raises."""
    system, user = (message["content"] for message in asked["messages"])
    if asked["response_format"]["json_schema"]["strict"] is not True or not asked["model"]:
        raise ValueError("not strict")
    read = understood(system, user)
    reply = thought(read, mode)
    message: dict[str, Any] = {"role": "assistant", "content": json.dumps(reply)}
    if mode == "refuses":
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    logprobs = _logprobs(message["content"], reply, read) if asked.get("logprobs") and message["content"] else None
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": logprobs}
    usage = {"prompt_tokens": (len(system) + len(user)) // 4, "completion_tokens": len(json.dumps(reply)) // 4}
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "model": asked["model"],
        "choices": [choice],
        "usage": usage,
    }


def _logprobs(content: str, reply: Mapping[str, Any], read: Read) -> dict[str, Any]:
    """Tokens as a tokenizer might cut them: before the code, the first two letters of it, and the rest."""
    code = str(reply.get("verdict"))
    at = content.rfind(code)
    sure = {"high": 0.97, "med": 0.75}.get(str(reply.get("confidence")), 0.55)
    rest = (1 - sure) / max(1, len(read.codes) - 1)
    top = [{"token": other[:2], "logprob": math.log(sure if other == code else rest)} for other in read.codes.values()]
    pieces = [(content[:at], []), (code[:2], top), (content[at + 2 :], [])]
    return {"content": [{"token": token, "logprob": -0.01, "top_logprobs": tops} for token, tops in pieces]}


def messages(asked: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Answer a message by the tool that must be used."""
    (message,) = asked["messages"]
    if asked["tool_choice"]["name"] != asked["tools"][0]["name"] or asked["max_tokens"] < 1:
        raise ValueError("no tool")
    reply = thought(understood(asked["system"], message["content"]), mode)
    used = {"type": "tool_use", "id": "toolu_stub", "name": asked["tools"][0]["name"], "input": reply}
    usage = {"input_tokens": len(json.dumps(asked)) // 4, "output_tokens": len(json.dumps(reply)) // 4}
    refused = mode == "refuses"
    return {"type": "message", "role": "assistant", "content": [] if refused else [used], "usage": usage,
            "stop_reason": "refusal" if refused else "tool_use"}  # fmt: skip


def decisions(asked: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Answer typed questions by probabilities."""
    (question,) = asked["questions"]
    codes = {choice["text"]: choice["id"] for choice in question["choices"]}
    reply = thought(Read(codes, asked["state"]["user"] or "", asked["state"]["answer"] or ""), mode)
    rest = 0.1 / (len(codes) - 1)
    return {
        "answers": {
            question["id"]: {"probabilities": {c: 0.9 if c == reply["verdict"] else rest for c in codes.values()}}
        },
        "usage": {"input_tokens": len(json.dumps(asked)) // 4, "output_tokens": 0},
    }


@contextmanager
def a_judge(key: str | None = None) -> Iterator[JudgeStub]:
    """A stand-in, running; stopped at the end of the block."""
    with JudgeStub(key=key) as stub, in_background(stub):
        try:
            yield stub
        finally:
            stub.released.set()


def main() -> None:
    """`python -m plumbline.demo.stubs.judge [--port PORT]`; `POST /mode` with a mode as its body makes it misbehave."""
    parser = argparse.ArgumentParser(description="A stand-in for a judge model.")
    parser.add_argument("--port", type=int, default=PORT)
    with JudgeStub(parser.parse_args().port) as stub:
        stub.serve_forever()


if __name__ == "__main__":
    main()
