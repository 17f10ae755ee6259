"""One question and its answer, put together from the templates."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Final

from plumbline.demo import texts
from plumbline.demo.texts import fill

LEAK_RATE: Final = 0.010
PROMISE_RATE: Final = 0.020  # of answers about refunds
EXPORT_RATE: Final = 0.22  # of questions about billing that ask for JSON
BROKEN_RATE: Final = 0.10  # of answers that should be JSON


@dataclass(frozen=True)
class Reply:
    """What the assistant said and which rules of the shop it broke by it. `looked_up` is what its order tool returned."""

    text: str
    order: str
    looked_up: dict[str, str] | None
    searched: str | None
    refuses: bool = False
    leaks: bool = False
    promises: bool = False
    breaks_json: bool = False


def compose(intent: str, arm: str, *, refuses: bool, rambles: bool, chance: random.Random) -> tuple[str, Reply]:
    """Return a question about `intent` and its answer in the tone of `arm`."""
    slots = _slots(chance)
    if intent == "billing" and chance.random() < EXPORT_RATE:
        ask = fill(chance.choice(texts.EXPORT_ASKS), slots, chance)
        return ask, _declined(intent, slots, chance, rambles=rambles) if refuses else _export(slots, chance)
    ask = fill(chance.choice(texts.ASKS[intent]), slots, chance)
    if refuses:
        return ask, _declined(intent, slots, chance, rambles=rambles)
    return ask, _helped(intent, arm, ask, slots, chance, rambles=rambles)


def _slots(chance: random.Random) -> dict[str, str]:
    """What must stay the same between question and answer; `other_mail` belongs to somebody else than `mail`."""
    own, other = chance.sample(texts.SLOTS["person"], 2)
    return {
        "order": f"Q-{chance.randrange(100_000, 999_999)}",
        "amount": f"EUR {chance.randrange(12, 240)}.{chance.choice(('00', '50', '90'))}",
        **{name: chance.choice(texts.SLOTS[name]) for name in ("product", "carrier", "device", "card", "reason")},
        "mail": texts.mail_of(own, chance.randrange(10, 99)),
        "person": other,
        "other_mail": texts.mail_of(other, chance.randrange(100, 999)),
        "phone": texts.phone(chance),
    }


def _declined(intent: str, slots: dict[str, str], chance: random.Random, *, rambles: bool) -> Reply:
    topic = {"topic": chance.choice(texts.TOPICS[intent])}
    said = [fill(chance.choice(texts.REFUSALS), slots | topic, chance)]
    said += [fill(text, {}, chance) for text in chance.sample(texts.RAMBLES, chance.randrange(0, 3) if rambles else 0)]
    return Reply(" ".join(said), slots["order"], None, None, refuses=True)


def _helped(intent: str, arm: str, ask: str, slots: dict[str, str], chance: random.Random, *, rambles: bool) -> Reply:
    leaks, promises = chance.random() < LEAK_RATE, intent == "refunds" and chance.random() < PROMISE_RATE
    own = slots["mail"] in ask
    said = [
        chance.choice(texts.GREETINGS[arm]),
        *_filled(texts.ECHOES, 1 if own else 0, slots, chance),
        *_filled(texts.ACTIONS[intent], 1, slots, chance),
        *_filled(texts.PROMISES, 1 if promises else 0, slots, chance),
        *_filled(texts.DETAILS[intent], chance.randrange(1, 4), slots, chance),
        *_filled(texts.LEAKS, 1 if leaks else 0, slots, chance),
        *_filled(texts.RAMBLES, chance.randrange(3, 8) if rambles else 0, {}, chance),
        *_filled(texts.CLOSINGS, 1, slots, chance),
    ]
    looked_up = {
        "order": slots["order"],
        "item": slots["product"],
        "status": chance.choice(("paid", "sent", "returned")),
    }
    return Reply(
        "\n\n".join((" ".join(said[:-1]), said[-1])),
        slots["order"],
        looked_up if intent != "account" else None,
        f"{intent}: {ask}" if chance.random() < 0.45 else None,
        leaks=leaks,
        promises=promises,
    )


def _filled(templates: tuple[str, ...], count: int, slots: dict[str, str], chance: random.Random) -> list[str]:
    return [fill(template, slots, chance) for template in chance.sample(templates, count)]


def _export(slots: dict[str, str], chance: random.Random) -> Reply:
    breaks = chance.random() < BROKEN_RATE
    record = {"order": slots["order"], "item": slots["product"], "amount": slots["amount"], "status": "paid"}
    text = json.dumps(record, indent=2)
    if breaks:
        text = chance.choice(
            (text[: -chance.randrange(2, 20)], f"Here is your export:\n{text}", text.replace(":", " =", 1))
        )
    return Reply(text, slots["order"], record, None, breaks_json=breaks)
