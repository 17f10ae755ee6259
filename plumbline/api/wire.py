"""Questions and answers as HTTP carries them: parameters in, JSON, Arrow or a file out, one line of JSON for every error."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from monitor.errors import BadRows, BadSql, Forbidden, NotFound, OnHold, PlumblineError, TooMany, UsageError
from plumbline.api.agent_protocol import TableAnswer
from plumbline.api.jobs import Busy
from plumbline.api.question import Question
from plumbline.api.rows import plain, rows_of

Q = TypeVar("Q", bound=Question[Any])
ARROW: Final = "application/vnd.apache.arrow.stream"
MAX_BODY: Final = 1_048_576
"""Bytes of a request; the largest is a query a person wrote."""

REPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
"""A report holds text from traces: it may draw itself, but reaches no network, no cookie and no other page."""


async def read_question(request: Request, asked: type[Q]) -> Q:
    """Return the question that `request` asks. Raises `UsageError`."""
    given: dict[str, Any] = dict(request.path_params)
    if asked.method == "GET":
        given |= _from_query(asked, dict(request.query_params), set(given))
    else:
        given |= await _body(request)
    try:
        question: Q = msgspec.convert(given, asked, strict=asked.method != "GET")
    except msgspec.ValidationError as error:
        where = "query" if asked.method == "GET" else "body"
        raise UsageError(f"the {where} is not what is expected here: {error}") from None
    question.check()
    return question


def _from_query(asked: type[Question[Any]], query: Mapping[str, str], known: set[str]) -> dict[str, Any]:
    if not asked.rest:
        return dict(query)
    return {asked.rest: {name: value for name, value in query.items() if name not in known}}


async def _body(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise HTTPException(413, f"the body is larger than {MAX_BODY} bytes")
    try:
        return msgspec.json.decode(raw or b"{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UsageError(f"the body is not what is expected here: {error}") from None


def write_answer(request: Request, asked: type[Question[Any]], answer: Any) -> Response:
    """Return `answer` in the shape that `asked` declares."""
    if asked.shape == "table":
        return _table(request, answer)
    if asked.shape == "file":
        headers = {
            "content-security-policy": REPORT_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        return FileResponse(answer, media_type="text/html; charset=utf-8", headers=headers)
    return json_answer({asked.under: answer} if asked.under else answer)


def json_answer(value: Any, status: int = 200) -> Response:
    """Return `value` as JSON."""
    return Response(msgspec.json.encode(plain(value)), status, media_type="application/json")


def _table(request: Request, answer: TableAnswer) -> Response:
    if ARROW not in request.headers.get("accept", ""):
        return json_answer(rows_of(answer.table, truncated=answer.truncated, as_of=answer.as_of).as_dict())
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, answer.table.schema) as writer:
        writer.write_table(answer.table)
    headers = {"x-truncated": str(answer.truncated).lower()}
    if answer.as_of is not None:
        headers["x-as-of"] = str(plain(answer.as_of))
    return Response(sink.getvalue(), media_type=ARROW, headers=headers)


def _error(status: int, text: str, **more: Any) -> Response:
    return json_answer({"error": " ".join(text.split()), **more}, status)


async def _http_error(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return _error(status, str(getattr(error, "detail", error)))


async def _one_line(_: Request, error: Exception) -> Response:
    if isinstance(error, NotFound):
        return _error(404, str(error))
    if isinstance(error, BadRows):
        return _error(400, str(error), problems=error.problems)
    if isinstance(error, Forbidden):
        return _error(403, str(error))
    if isinstance(error, Busy | OnHold | TooMany):
        return _error(429 if isinstance(error, TooMany) else 409, str(error))
    return _error(400 if isinstance(error, BadSql | UsageError) else 503, str(error))


async def _bug(_: Request, error: Exception) -> Response:
    return _error(500, f"internal error: {type(error).__name__} (see the log of the agent)")


HANDLERS: Final[Mapping[Any, Any]] = {HTTPException: _http_error, PlumblineError: _one_line, Exception: _bug}
"""What becomes of an error, by its class."""
