"""Every format that can be imported, in the order in which they are tried; the list that `--as` and the help show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from collectors.batch import Batch
from collectors.importers import (
    azure_apim,
    bedrock,
    claude_code,
    exported_spans,
    exposures,
    langfuse,
    langsmith,
    litellm,
    openai_files,
    otlp,
)
from collectors.importers.readers import ImportItem, renamed
from collectors.importers.record import Added, Origin, Told, add_told
from collectors.importers.records import FIELDS, PREFIX, add_record

Add = Callable[[Batch, ImportItem, Origin], Added]
Gather = Callable[[Iterator[ImportItem]], Iterator[ImportItem]]
Pairs = Callable[[ImportItem], Iterable[tuple[str, Any]]]


def _top(item: ImportItem) -> Iterable[tuple[str, Any]]:
    return ((str(key), value) for key, value in (item.record or {}).items())


@dataclass(frozen=True)
class Format:
    """How records of one kind are known and read. `add` raises `BadRecord`; `keys` say which field each key of a record fills.

    `gather` makes one item of several, `raw` leaves items unparsed, `companion` is only read beside something else. `pairs` are
    the keys and values of one item, for people who want to see them; `spelled` is how a key is looked up in `keys`.
    """

    name: str
    title: str
    looks: Callable[[Mapping[str, Any]], bool]
    add: Add
    keys: Mapping[str, str]
    gather: Gather = iter
    raw: bool = False
    companion: bool = False
    pairs: Pairs = _top
    spelled: Callable[[str], str] = str


def _tell(
    batch: Batch, item: ImportItem, origin: Origin, *, tell: Callable[[Mapping[str, Any], Origin], Told], name: str
) -> Added:
    told = tell(item.record, origin)
    return add_told(batch, told, origin, name)


def _told(name: str, title: str, module: Any, **more: Any) -> Format:
    return Format(name, title, module.looks, partial(_tell, tell=module.tell, name=name), module.KEYS, **more)


def _interaction(batch: Batch, item: ImportItem, origin: Origin) -> Added:
    add_record(batch, renamed(item.record, origin.names), item.position, origin)
    return Added(1)


def _is_interaction(record: Mapping[str, Any]) -> bool:
    return bool({"input", "output"} & record.keys())


def _nothing(_batch: Batch, _item: ImportItem, _origin: Origin) -> Added:
    return Added()


INTERACTIONS: Final = Format(
    "interactions",
    "one interaction a record: input, output and what else you have",
    _is_interaction,
    _interaction,
    {name: name for name in (*FIELDS, PREFIX)},
)
OTLP: Final = Format(
    "otlp",
    "OTLP export requests, one a file, line or frame",
    otlp.looks,
    otlp.add,
    otlp.KEYS,
    raw=True,
    pairs=otlp.pairs,
)
EXPORTED: Final = tuple(
    Format(name, title, looks, exported_spans.add, exported_spans.KEYS)
    for name, title, looks in (
        ("cloudwatch-spans", "spans of CloudWatch, log group aws/spans", exported_spans.looks_cloudwatch),
        ("python-spans", "spans as OpenTelemetry for Python prints them", exported_spans.looks_python),
        ("phoenix-spans", "spans exported from Phoenix", exported_spans.looks_phoenix),
    )
)
EXPOSURES: Final = Format(
    "exposures",
    "which user was shown which arm of an experiment, and when",
    exposures.looks,
    exposures.add,
    exposures.KEYS,
)
BATCH_REQUESTS: Final = Format(
    "openai-batch-input",
    "requests of an OpenAI batch, joined with its output",
    openai_files.is_request,
    _nothing,
    {"custom_id": "joins", "body": "input_messages"},
    companion=True,
)

FORMATS: Final = (
    OTLP,
    *EXPORTED,
    _told("claude-code", "transcripts of Claude Code", claude_code, gather=claude_code.gather),
    _told("litellm", "LiteLLM StandardLoggingPayload", litellm),
    _told("langsmith", "LangSmith runs", langsmith),
    _told("langfuse", "Langfuse observations, traces and scores", langfuse, spelled=langfuse.snake),
    _told("bedrock", "AWS Bedrock model invocation logs", bedrock),
    _told(
        "azure-apim",
        "Azure API Management LLM gateway log",
        azure_apim,
        gather=azure_apim.gather,
        pairs=azure_apim.pairs,
        spelled=azure_apim.spelled,
    ),
    BATCH_REQUESTS,
    _told("openai", "OpenAI stored completions, responses and batch output", openai_files),
    EXPOSURES,
    INTERACTIONS,
)
BY_NAME: Final = {one.name: one for one in FORMATS}


def recognised(records: Iterable[Any]) -> Format | None:
    """Return the format that most of `records` look like; of two that draw, the one tried first. None when none does."""
    votes = Counter[str]()
    for record in records:
        if isinstance(record, dict):
            found = next((one.name for one in FORMATS if one.looks(record)), None)
            votes.update([found] if found else [])
    return BY_NAME[votes.most_common(1)[0][0]] if votes else None
