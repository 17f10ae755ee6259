"""What is looked at per instrumentation: how many of its model calls carry texts, tokens, people and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from monitor.diagnosis.facts import Voice
from monitor.diagnosis.fixes import IDENTITY, STREAMS, TEXTS, Fix, pick
from monitor.diagnosis.problem import ENOUGH, Problem, percent

FEW: Final = 0.5
"""A share of calls below this is worth a word."""


def name_of(voice: Voice) -> str:
    """Return what to call a voice."""
    return voice.scope or voice.dialect or "an unknown instrumentation"


def _texts(voice: Voice) -> Iterator[Problem]:
    if not voice.n_chats:
        return
    inputs, outputs = voice.n_inputs + voice.n_ruled_inputs, voice.n_outputs + voice.n_ruled_outputs
    texts = max(inputs, outputs)
    if texts < FEW * voice.n_chats:
        what = (
            "no call carries its texts" if not texts else f"{percent(texts, voice.n_chats)} of calls carry their texts"
        )
        why = "Without texts nothing can be graded: only counts, costs and times are watched."
        yield Problem("no-texts", "warn", f"{what} ({voice.n_chats:,} calls)", why, pick(TEXTS, voice))
        return
    for side, n, of in (("inputs", inputs, voice.n_chats), ("answers", outputs, voice.n_answered)):
        if of >= ENOUGH and not n:
            why = "Graders need both what the user said and what the user saw."
            yield Problem(f"no-{side}", "warn", f"texts come without {side} ({of:,} calls)", why, pick(TEXTS, voice))


def _ruled(voice: Voice) -> Iterator[Problem]:
    """What a rule of the house took away is nothing to mend in the application."""
    dropped = {
        "inputs": voice.n_ruled_inputs,
        "answers": voice.n_ruled_outputs,
        "users": voice.n_ruled_users,
        "sessions": voice.n_ruled_sessions,
    }
    told = ", ".join(f"{what} of {n:,}" for what, n in dropped.items() if n)
    if told:
        yield Problem(
            "by-rule",
            "note",
            f"a rule of yours drops {told} of {voice.n_calls:,} calls",
            "They were sent, and dropped here before they were stored: what needs them (grades, conversations, A/B tests) lacks them.",
            Fix("If that is not meant, change collector.fields in plumbline.yaml; the application needs no change"),
        )


def _tokens(voice: Voice) -> Iterator[Problem]:
    if voice.n_blind_streams:
        yield Problem(
            "blind-streams",
            "warn",
            f"{percent(voice.n_blind_streams, voice.n_streams)} of {voice.n_streams:,} streamed calls come without tokens",
            "Their tokens and costs are missing from every sum.",
            pick(STREAMS, voice),
        )
    without = voice.n_fine - voice.n_tokens - voice.n_blind_streams
    if voice.n_fine >= ENOUGH and without > FEW * voice.n_fine:
        yield Problem(
            "no-tokens",
            "warn",
            f"{percent(voice.n_tokens, voice.n_fine)} of {voice.n_fine:,} calls say how many tokens they took",
            "Tokens and costs are missing from every sum. Streams are the usual reason.",
            pick(STREAMS, voice),
        )


def _estimated(voice: Voice) -> Iterator[Problem]:
    if voice.n_estimated:
        yield Problem(
            "estimated",
            "note",
            f"the tokens of {percent(voice.n_estimated, voice.n_calls)} of calls are the client's estimate",
            "Estimates of streams have been seen at more than twice the provider's count.",
            pick(STREAMS, voice),
        )


def _who(voice: Voice) -> Iterator[Problem]:
    if voice.n_calls < ENOUGH:
        return
    fix = pick(IDENTITY, voice)
    users, sessions = voice.n_users + voice.n_ruled_users, voice.n_sessions + voice.n_ruled_sessions
    if not users and not sessions:
        why = "Intervals count a chatty user as many witnesses, conversations fall apart, and no A/B test is honest."
        yield Problem("nobody", "warn", "no call says which user or session it belongs to", why, fix)
    elif not users:
        why = "A/B tests fall back to sessions, and one user in many sessions counts as many."
        yield Problem("no-user", "note", "no call says which user it belongs to", why, fix)
    elif not sessions:
        why = "Conversations cannot be put together."
        yield Problem("no-session", "note", "no call says which session it belongs to", why, fix)


def _arms(voice: Voice) -> Iterator[Problem]:
    if voice.n_calls >= ENOUGH and not voice.n_arms:
        yield Problem(
            "no-arm",
            "note",
            "no call names a prompt version or an experiment arm",
            "The A/B page and causes of changes have less to go by.",
            Fix(
                "Put the version of the prompt, or the arm, on any span of the trace",
                ("gen_ai.prompt.name, gen_ai.prompt.version", "feature_flag.key, feature_flag.result.variant"),
            ),
        )


def _response_ids(voice: Voice) -> Iterator[Problem]:
    if voice.n_fine >= ENOUGH and not voice.n_response_ids:
        yield Problem(
            "no-response-id",
            "note",
            "no call carries the provider's response id",
            "Scores must name the trace, and one call told by two instrumentations in two traces counts twice.",
            Fix("Send scores with the trace id; nothing else is lost"),
        )


def _costs(voice: Voice) -> Iterator[Problem]:
    if voice.n_tokens >= ENOUGH and not voice.n_costs:
        lines = tuple(f"  {model}: {{input: 0.0, output: 0.0}}" for model in voice.models)
        yield Problem(
            "no-cost",
            "note",
            "no call has a cost",
            "No price is known: Plumbline ships no price list, since lists go stale.",
            Fix("Put your prices into plumbline.yaml, in US dollars per million tokens", ("prices:", *lines)),
        )


def _unknown(voice: Voice) -> Iterator[Problem]:
    if voice.dialect is None:
        yield Problem(
            "no-dialect",
            "note",
            f"{voice.n_calls:,} calls follow no dialect that is known here",
            "What they say was read by the general rules only.",
            Fix("Look into one of them on the page Traces; what is missing above is the thing to add a rule for"),
        )


CHECKS: Final[tuple[Callable[[Voice], Iterator[Problem]], ...]] = (
    _texts,
    _ruled,
    _tokens,
    _estimated,
    _who,
    _arms,
    _response_ids,
    _costs,
    _unknown,
)


def about(voice: Voice) -> list[Problem]:
    """Return the problems of one voice, each with its name."""
    return [replace(problem, voice=name_of(voice)) for check in CHECKS for problem in check(voice)]
