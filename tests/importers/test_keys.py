"""What a format says of each key is true: a key it names changes a row when it goes, and a key it does not name changes none."""

import json
from typing import Any, Final

import pytest

from collectors.batch import Batch
from collectors.importers.formats import BY_NAME
from collectors.importers.readers import ImportItem
from tests.importers.importing import ORIGIN
from tests.importers.test_langfuse import GENERATION, ROOT, SCORE
from tests.importers.test_litellm import CALL
from tests.importers.test_vendors import ANSWERED, ASKED, CONVERSE, QUESTION, STORED, UUID, chunk, invocation, run

DONE: Final = {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}, "stopReason": "end"}
USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 1}
RESPONSE: Final = {
    "object": "response",
    "id": "r",
    "created_at": 1790000000,
    "completed_at": 1790000001,
    "model": "g",
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}],
    "input": "hi",
    "instructions": "sys",
    "conversation": {"id": "cv"},
    "safety_identifier": "u",
}

RECORDS: Final[dict[str, list[dict[str, Any]]]] = {
    "litellm": [
        CALL | {"cache_hit": True},
        CALL | {"metadata": {}, "session_id": "s"},
        CALL | {"metadata": {}, "trace_id": "talk-7"},
        {key: value for key, value in CALL.items() if key != "litellm_call_id"},
        CALL | {"status": "failure", "error_str": "E: slow", "error_information": {"error_class": "Slow"}},
    ],
    "langfuse": [
        ROOT | {"trace_name": "t", "tags": ["variant:B"]},
        GENERATION | {"status_message": "404", "level": "ERROR", "user_id": "u", "session_id": "s", "release": "1"},
        GENERATION | {"total_cost": 0.5, "cost_details": None, "usage_details": None, "usage": {"input": 3}},
        {key: value for key, value in GENERATION.items() if key != "provided_model_name"} | {"model": "g"},
        {key: value for key, value in GENERATION.items() if key != "provided_model_name"}
        | {"model_parameters": {"model": "g", "stream": True}},
        SCORE | {"string_value": "good", "session_id": "s"},
        {
            "id": "t",
            "timestamp": "2026-11-20",
            "name": "n",
            "user_id": "u",
            "session_id": "s",
            "tags": [],
            "output": "a",
        },
    ],
    "langsmith": [
        run(first_token_time="2026-11-20T10:00:00.5", total_cost=0.5, tags=["variant:C"], session_name="shop"),
        run(trace_id=None, parent_run_id=None, dotted_order=f"20261120T{UUID}1.20261120T{UUID}2"),
        run(error="RateLimitError('x')", status="error", project_name="shop", extra=None),
        run(error=None, status="error", outputs=None, start_time="2026-11-20T10:00:00"),
    ],
    "openai": [
        STORED
        | ASKED
        | {"usage": USAGE, "metadata": {"session_id": "s"}, "tools": [{"type": "function", "name": "f"}]},
        STORED | {"request": ASKED, "user": "u"},
        STORED | {"prompt": "hi", "input_user": "u", "error": {"code": "x", "message": "y"}},
        RESPONSE,
        {"id": "b", "custom_id": "a", "response": {"status_code": 200, "body": STORED | ANSWERED}},
        {"id": "b", "custom_id": "a", "response": None, "error": {"code": "expired"}},
    ],
    "bedrock": [
        invocation(CONVERSE, DONE, region="us", accountId="1", operation="ConverseStream"),
        invocation(CONVERSE, None, errorCode="ThrottlingException", errorMessage="slow down"),
    ],
    "azure-apim": [
        chunk(
            *(0, QUESTION),
            ResponseMessages='[{"role": "assistant", "content": "a"}]',
            PromptTokens=3,
            CompletionTokens=4,
            ModelName="g",
            DeploymentName="d",
            IsStreamCompletion=True,
            OperationName="o",
            Region="eu",
            ApiId="shop",
            RequestId="r",
        ),
        {"time": "2026-11-20T10:00:00Z", "properties": {"correlationId": "c", "sequenceNumber": 3, "modelName": "g"}},
    ],
}

ELSEWHERE: Final = {
    "openai": {"object", "custom_id"},  # tell what a record is, and what it is joined with
    "azure-apim": {"SequenceNumber"},  # tells the order of several pieces
    "langfuse": {"data_type"},
}
"""Keys that do their work somewhere else than in the rows of one record."""


def rows(name: str, record: dict[str, Any]) -> Any:
    """What a record becomes, or why it is refused."""
    format_ = BY_NAME[name]
    batch = Batch()
    try:
        for item in format_.gather(iter([ImportItem(1, dict(record))])):
            format_.add(batch, item, ORIGIN)
    except ValueError as error:
        return str(error)
    return {table: batch.dicts(table) for table in batch.rows}


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    outer, _, inner = key.partition(".")
    if not inner:
        return {name: value for name, value in record.items() if name != key}
    return record | {outer: without(record[outer], inner)}


def effects(name: str) -> dict[str, bool]:
    """Key as it is spelled in the table -> whether taking it away changes anything in any record."""
    format_ = BY_NAME[name]
    found: dict[str, bool] = {}
    for record in RECORDS[name]:
        whole = rows(name, record)
        assert isinstance(whole, dict), whole
        for key, value in format_.pairs(ImportItem(1, record)):
            if value in (None, "", [], {}):
                continue
            spelled = format_.spelled(key)
            found[spelled] = found.get(spelled, False) or rows(name, without(record, key)) != whole
    return found


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_key_that_matters_is_named_and_one_that_is_named_matters(name: str) -> None:
    told = effects(name)
    named = set(BY_NAME[name].keys) - ELSEWHERE.get(name, set())
    assert {key for key, matters in told.items() if matters} - set(BY_NAME[name].keys) == set(), "matters, not named"
    assert {key for key in named if told.get(key) is False} == set(), "named, does not matter"


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_key_that_nobody_knows_changes_nothing(name: str) -> None:
    for record in RECORDS[name]:
        known = "id" in record or name in {"bedrock", "azure-apim", "litellm"}
        assert known
        assert json.dumps(rows(name, record | {"zzz": "x"}), default=str) == json.dumps(rows(name, record), default=str)
