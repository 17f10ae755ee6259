"""Commands: an act, its line in the audit and the answer under its key stand together, or none of them does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from monitor.state import Transaction, commands
from plumbline.api.call import Call
from plumbline.api.question import Question, name_of
from plumbline.people.record import Record


@dataclass(frozen=True)
class Commands:
    """What carries out the commands of one data directory."""

    record: Record

    def carry_out(
        self, call: Call, question: Question[Any], act: Callable[[Transaction], Any], reason: str = ""
    ) -> Any:
        """Return what `act` answers; sent again under the same key, the first answer, and nothing is done.

        `reason` stands in the audit beside the act. Raises `UsageError` where the key stands for something else.
        """
        asked = hashlib.sha256(msgspec.json.encode([call.actor.name, name_of(type(question)), question])).hexdigest()
        with self.record.state.transaction() as txn:
            told = commands.answered(txn, call.key, asked) if call.key else None
            if told is not None:
                return told
            answer = msgspec.to_builtins(self.record.of_act(txn, call.actor, question, act, reason))
            if call.key:
                commands.remember(txn, call.key, asked, answer, self.record.clock.now())
            return answer
