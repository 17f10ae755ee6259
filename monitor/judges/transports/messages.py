"""Messages as Anthropic offers them: the reply is the input of a tool that must be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitor.config.schema import JudgeSettings
from monitor.judges.question import Item, Prompt
from monitor.judges.reply import Heard
from monitor.judges.transport import REPLY_TOKENS, NoReply, Request, address, count

MAKERS: Final = "https://api.anthropic.com"
VERSION: Final = "2023-06-01"
TOOL: Final = "give_verdict"


@dataclass(frozen=True)
class Messages:
    """Asks by `POST URL/v1/messages`."""

    settings: JudgeSettings

    def request(self, prompt: Prompt, item: Item) -> Request:  # noqa: ARG002 the item is in the prompt
        """Return the request."""
        body = {
            "model": self.settings.model,
            "max_tokens": REPLY_TOKENS,
            "system": prompt.system,
            "messages": [{"role": "user", "content": prompt.user}],
            "tools": [{"name": TOOL, "description": "Give the verdict.", "input_schema": prompt.schema}],
            "tool_choice": {"type": "tool", "name": TOOL},
        }
        key = {"x-api-key": self.settings.key} if self.settings.key else {}
        return Request(address(self.settings, MAKERS, "/v1/messages"), body, {"anthropic-version": VERSION, **key})

    def heard(self, body: Mapping[str, Any], prompt: Prompt) -> Heard:  # noqa: ARG002 no probabilities are given
        """Return the input of the tool."""
        content = body.get("content")
        if not isinstance(content, list):
            raise NoReply("form", "its answers are not in the agreed form (no content)")
        usage = body.get("usage")
        tokens = count(usage, "input_tokens"), count(usage, "output_tokens")
        used = (part.get("input") for part in content if isinstance(part, dict) and part.get("type") == "tool_use")
        fields = next((told for told in used if isinstance(told, dict)), {})
        return Heard(fields, *tokens, declined=body.get("stop_reason") == "refusal")

    def give_way(self, refused: str) -> bool:  # noqa: ARG002, PLR6301, RUF100 the signature is the transport's
        """Nothing of the request can be left out."""
        return False
