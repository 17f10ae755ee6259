"""The decision endpoint `POST /v1/systemone`: a state and typed questions go in, probabilities come out, no text at all.

There is nothing to parse and nothing to forge; it quotes nothing either, so a person who wants to know where must look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitor.config.schema import JudgeSettings
from monitor.judges.question import MEANINGS, Item, Prompt
from monitor.judges.reply import Heard
from monitor.judges.transport import NoReply, Request, address, count

QUESTION: Final = "verdict"


@dataclass(frozen=True)
class Decisions:
    """Asks one question with the verdicts as its choices."""

    settings: JudgeSettings

    def request(self, prompt: Prompt, item: Item) -> Request:
        """Return the request; the state holds the rule and the exchange, each by itself."""
        choices = [{"id": code, "text": MEANINGS[verdict]} for code, verdict in prompt.codes.items()]
        asked = {"id": QUESTION, "type": "choice", "text": "Does the answer violate the rule?", "choices": choices}
        state = {"rule": item.asked_by(), "user": item.turn.input_text, "answer": item.turn.output_text}
        key = {"authorization": f"Bearer {self.settings.key}"} if self.settings.key else {}
        model = {"model": self.settings.model} if self.settings.model else {}
        return Request(
            address(self.settings, "", "/v1/systemone"), {**model, "state": state, "questions": [asked]}, key
        )

    def heard(self, body: Mapping[str, Any], prompt: Prompt) -> Heard:
        """Return the choice with the highest probability; its probabilities are the belief."""
        answers = body.get("answers")
        told = answers.get(QUESTION) if isinstance(answers, dict) else None
        found = told.get("probabilities") if isinstance(told, dict) else None
        known = {
            code: float(found[code])
            for code in prompt.codes
            if isinstance(found, dict) and isinstance(found.get(code), int | float) and 0 <= found[code] <= 1
        }
        if len(known) < len(prompt.codes) or sum(known.values()) <= 0:
            raise NoReply("form", "its answers are not in the agreed form (a probability for each choice)")
        usage = body.get("usage")
        chosen = max(known, key=lambda code: known[code])
        tokens = count(usage, "input_tokens", "prompt_tokens"), count(usage, "output_tokens", "completion_tokens")
        return Heard({QUESTION: chosen, "quotes": []}, *tokens, chances=known, mute=True)

    def give_way(self, refused: str) -> bool:  # noqa: ARG002, PLR6301, RUF100 the signature is the transport's
        """Nothing of the request can be left out."""
        return False
