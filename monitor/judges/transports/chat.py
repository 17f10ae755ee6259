"""Chat completions as OpenAI and all that speak like it offer them: a reply by a schema, and how probable its verdict was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from monitor.config.schema import JudgeSettings
from monitor.judges.question import Item, Prompt
from monitor.judges.reply import Heard, code_chances
from monitor.judges.transport import REPLY_TOKENS, NoReply, Request, address, count, object_of

MAKERS: Final = "https://api.openai.com/v1"

EXTRAS: Final = ("logprobs", "response_format", "max_completion_tokens")
"""What some services refuse; each is left out once one has refused it by name."""


@dataclass
class Chat:
    """Asks by `POST URL/chat/completions`. What a service has refused once is not asked for again while this lives."""

    settings: JudgeSettings
    refused: set[str] = field(default_factory=set)

    def request(self, prompt: Prompt, item: Item) -> Request:  # noqa: ARG002 the item is in the prompt
        """Return the request."""
        extras: dict[str, dict[str, Any]] = {
            "logprobs": {"logprobs": True, "top_logprobs": 8},
            "response_format": {"response_format": _form(prompt)},
            "max_completion_tokens": {"max_completion_tokens": REPLY_TOKENS},
        }
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
        }
        for name in EXTRAS:
            body |= extras[name] if name not in self.refused else {}
        headers = {"authorization": f"Bearer {self.settings.key}"} if self.settings.key else {}
        return Request(address(self.settings, MAKERS, "/chat/completions"), body, headers)

    def heard(self, body: Mapping[str, Any], prompt: Prompt) -> Heard:
        """Return what the first choice says."""
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        message = choice.get("message")
        if not isinstance(message, dict):
            raise NoReply("form", "its answers are not in the agreed form (no message)")
        usage = body.get("usage")
        tokens = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
        if message.get("refusal") or choice.get("finish_reason") == "content_filter":
            return Heard({}, *tokens, declined=True)
        fields = object_of(str(message.get("content") or ""))
        return Heard(fields, *tokens, chances=_chances(choice, fields, prompt))

    def give_way(self, refused: str) -> bool:
        """Leave out what the service names in its refusal, the first time it does."""
        named = [name for name in EXTRAS if name in refused and name not in self.refused]
        self.refused.update(named)
        return bool(named)


def _form(prompt: Prompt) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": prompt.schema}}


def _chances(choice: Mapping[str, Any], fields: Mapping[str, Any], prompt: Prompt) -> dict[str, float] | None:
    told = choice.get("logprobs")
    tokens = told.get("content") if isinstance(told, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(one, dict) for one in tokens):
        return None
    return code_chances(tokens, list(prompt.codes), str(fields.get("verdict")))
