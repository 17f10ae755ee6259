"""What is looked at per instrumentation, as a table: how many of its model calls carry texts, tokens, people and the rest.

What a rule of the house took away is nothing to mend in the application: it counts as sent.
"""

from __future__ import annotations

from typing import Final

from monitor.diagnosis.check import Check
from monitor.diagnosis.facts import Voice
from monitor.diagnosis.fixes import IDENTITY, STREAMS, Fix, text_switch
from monitor.diagnosis.problem import ENOUGH
from monitor.store.prices import shipped
from monitor.wording import portion

FEW: Final = 0.5
"""A share of calls below this is worth a word."""
BOTH_SIDES: Final = "Graders need both what the user said and what the user saw."


def _no_texts(voice: Voice) -> str | None:
    texts = max(voice.n_inputs_sent, voice.n_outputs_sent)
    if not texts < FEW * voice.n_chats:
        return None
    share = "no call carries its texts" if not texts else f"{portion(texts, voice.n_chats)} of calls carry their texts"
    return f"{share} ({voice.n_chats:,} calls)"


def _one_sided(side: str, n: int, of: int, voice: Voice) -> str | None:
    """What is seen when one side of the texts never comes, and texts come at all."""
    seen = of >= ENOUGH and not n and _no_texts(voice) is None
    return f"texts come without {side} ({of:,} calls)" if seen else None


def _no_inputs(voice: Voice) -> str | None:
    return _one_sided("inputs", voice.n_inputs_sent, voice.n_chats, voice)


def _no_answers(voice: Voice) -> str | None:
    return _one_sided("answers", voice.n_outputs_sent, voice.n_answered, voice)


def _by_rule(voice: Voice) -> str | None:
    dropped = {
        "inputs": voice.n_ruled_inputs,
        "answers": voice.n_ruled_outputs,
        "users": voice.n_ruled_users,
        "sessions": voice.n_ruled_sessions,
    }
    named = ", ".join(f"{what} of {n:,}" for what, n in dropped.items() if n)
    return f"a rule of yours drops {named} of {voice.n_calls:,} calls" if named else None


def _blind_streams(voice: Voice) -> str | None:
    n, of = voice.n_blind_streams, voice.n_streams
    return f"{portion(n, of)} of {of:,} streamed calls come without tokens" if n else None


def _no_tokens(voice: Voice) -> str | None:
    without = voice.n_fine - voice.n_tokens - voice.n_blind_streams
    if voice.n_fine < ENOUGH or without <= FEW * voice.n_fine:
        return None
    return f"{portion(voice.n_tokens, voice.n_fine)} of {voice.n_fine:,} calls say how many tokens they took"


def _estimated(voice: Voice) -> str | None:
    n = voice.n_estimated
    return f"the tokens of {portion(n, voice.n_calls)} of calls are the client's estimate" if n else None


def _nobody(voice: Voice) -> str | None:
    missing = voice.n_calls >= ENOUGH and not voice.n_users_sent and not voice.n_sessions_sent
    return "no call says which user or session it belongs to" if missing else None


def _no_user(voice: Voice) -> str | None:
    missing = voice.n_calls >= ENOUGH and not voice.n_users_sent and voice.n_sessions_sent
    return "no call says which user it belongs to" if missing else None


def _no_session(voice: Voice) -> str | None:
    missing = voice.n_calls >= ENOUGH and not voice.n_sessions_sent and voice.n_users_sent
    return "no call says which session it belongs to" if missing else None


def _no_arm(voice: Voice) -> str | None:
    missing = voice.n_calls >= ENOUGH and not voice.n_arms
    return "no call names a prompt version or an experiment arm" if missing else None


def _no_response_id(voice: Voice) -> str | None:
    missing = voice.n_fine >= ENOUGH and not voice.n_response_ids
    return "no call carries the provider's response id" if missing else None


def _no_cost(voice: Voice) -> str | None:
    return "no call has a cost" if voice.n_tokens >= ENOUGH and not voice.n_costs else None


def _sampled(voice: Voice) -> str | None:
    n = voice.n_standing
    return (
        f"{voice.n_calls:,} calls stand for about {n:,}: the sender samples, and says so"
        if n and n > voice.n_calls
        else None
    )


def _list_cost(voice: Voice) -> str | None:
    n = voice.n_list_costs
    return f"the cost of {n:,} calls is reckoned by list prices of {shipped().checked_on}" if n else None


def _prices(voice: Voice) -> Fix:
    lines = tuple(f"  {model}: {{input: 0.0, output: 0.0}}" for model in voice.models)
    return Fix("Put your prices into plumbline.yaml, in US dollars per million tokens", ("prices:", *lines))


def _no_dialect(voice: Voice) -> str | None:
    return f"{voice.n_calls:,} calls follow no dialect that is known here" if voice.dialect is None else None


CHECKS: Final[tuple[Check[Voice], ...]] = (
    Check(
        "no-texts",
        "warn",
        _no_texts,
        "Without texts nothing can be graded: only counts, costs and times are watched.",
        text_switch,
    ),
    Check("no-inputs", "warn", _no_inputs, BOTH_SIDES, text_switch),
    Check("no-answers", "warn", _no_answers, BOTH_SIDES, text_switch),
    Check(
        "by-rule",
        "note",
        _by_rule,
        "They were sent, and dropped here before they were stored: what needs them (grades, conversations, A/B tests) lacks them.",
        Fix("If that is not meant, change collector.fields in plumbline.yaml; the application needs no change"),
    ),
    Check(
        "blind-streams",
        "warn",
        _blind_streams,
        "Their tokens and costs are missing from every sum.",
        STREAMS.pick,
    ),
    Check(
        "no-tokens",
        "warn",
        _no_tokens,
        "Tokens and costs are missing from every sum. Streams are the usual reason.",
        STREAMS.pick,
    ),
    Check(
        "estimated",
        "note",
        _estimated,
        "Estimates of streams have been seen at more than twice the provider's count.",
        STREAMS.pick,
    ),
    Check(
        "nobody",
        "warn",
        _nobody,
        "Intervals count a chatty user as many witnesses, conversations fall apart, and no A/B test is honest.",
        IDENTITY.pick,
    ),
    Check(
        "no-user",
        "note",
        _no_user,
        "A/B tests fall back to sessions, and one user in many sessions counts as many.",
        IDENTITY.pick,
    ),
    Check("no-session", "note", _no_session, "Conversations cannot be put together.", IDENTITY.pick),
    Check(
        "no-arm",
        "note",
        _no_arm,
        "The A/B page and causes of changes have less to go by.",
        Fix(
            "Put the version of the prompt, or the arm, on any span of the trace",
            ("gen_ai.prompt.name, gen_ai.prompt.version", "feature_flag.key, feature_flag.result.variant"),
        ),
    ),
    Check(
        "no-response-id",
        "note",
        _no_response_id,
        "Scores must name the trace, and one call told by two instrumentations in two traces counts twice.",
        Fix("Send scores with the trace id; nothing else is lost"),
    ),
    Check(
        "no-cost",
        "note",
        _no_cost,
        "No price is known for these models: none of yours, and none on the list that ships.",
        _prices,
    ),
    Check(
        "weighed",
        "note",
        _sampled,
        "Rates of rules, and turns, errors, tokens and cost on the Overview, count each call for as many as it stands for.",
        Fix("To have every call, send every trace: Plumbline does its own sampling, with known probabilities"),
    ),
    Check(
        "list-price",
        "note",
        _list_cost,
        "A list price is no bill: discounts, batches, long contexts and your contract are not in it.",
        _prices,
    ),
    Check(
        "no-dialect",
        "note",
        _no_dialect,
        "What they say was read by the general rules only.",
        Fix("Look into one of them on the page Traces; what is missing above is the thing to add a rule for"),
    ),
)
