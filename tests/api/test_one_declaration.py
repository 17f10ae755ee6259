"""A new question is one declaration and one answer: HTTP, the client and a session on a directory at rest follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

import httpx
import pytest

from monitor.errors import NotFound, UsageError
from plumbline.answers import ANSWERS
from plumbline.api.call import Call
from plumbline.api.client import ApiClient
from plumbline.api.question import Method, Question, Scope
from plumbline.api.questions import QUESTIONS
from plumbline.cli.session import AtRest
from tests.support.serving import serving

TOKEN = "t0ken"


class Greet(Question[str], frozen=True):
    """Say hello to somebody."""

    path: ClassVar[str] = "/v1/greet/{whom:path}"
    under: ClassVar[str] = "words"

    whom: str
    times: int = 1

    def check(self) -> None:
        if self.times > 3:
            raise UsageError("three times are enough")


class Shout(Question[dict[str, Any]], frozen=True):
    """Say it loud, in the background."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/shout"
    scope: ClassVar[Scope] = "operate"
    job: ClassVar[bool] = True

    text: str


@dataclass
class Greeter:
    """Answers what it knows."""

    calls: list[Call] = field(default_factory=list)

    def answer(self, question: Question[Any], call: Call) -> Any:
        self.calls.append(call)
        match question:
            case Greet(whom="nobody"):
                raise NotFound("nobody")
            case Greet(whom="a bug"):
                return dict[str, str]()["a key that is not there"]
            case Greet(whom=whom, times=times):
                return " ".join([f"hello {whom}"] * times)
            case Shout(text=text):
                call.progress(0.5, "breathing in")
                return {"said": text.upper()}
        raise NotFound(type(question).__name__)

    def close(self) -> None:
        """Nothing is held."""


ASKED = (Greet, Shout)


def test_the_same_answer_over_http_and_at_rest() -> None:
    greeter, heard = Greeter(), list[tuple[float, str]]()
    with serving(greeter, TOKEN, questions=ASKED) as url:
        for asked in (ApiClient(url, TOKEN), AtRest(greeter)):
            assert asked.ask(Greet("a/b?c", times=2)) == "hello a/b?c hello a/b?c"
            assert asked.ask(Shout("hey"), lambda share, note: heard.append((share, note))) == {"said": "HEY"}
            with pytest.raises(UsageError, match="three times are enough"):
                asked.ask(Greet("x", times=4))
            with pytest.raises(NotFound, match="nothing here is named nobody"):
                asked.ask(Greet("nobody"))
    assert (0.5, "breathing in") in heard


def test_every_call_carries_its_actor() -> None:
    greeter = Greeter()
    with serving(greeter, TOKEN, questions=ASKED) as url:
        ApiClient(url, TOKEN).ask(Greet("x"))
    AtRest(greeter).ask(Greet("x"))
    first, second = (call.actor for call in greeter.calls)
    assert first == second
    assert first.name
    assert first.scopes == set(get_args(Scope))


def test_a_key_that_our_code_misses_is_a_bug_of_ours_and_not_a_thing_that_is_gone() -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with serving(Greeter(), TOKEN, questions=ASKED) as url:

        def status(path: str, **params: str) -> int:
            """On a connection of its own: after a bug the server closes the one it was met on."""
            return httpx.get(url + path, params=params, headers=bearer, trust_env=False).status_code

        assert status("/v1/greet/a%20bug") == 500
        assert status("/v1/greet/nobody") == 404
        assert status("/v1/greet/x", loud="yes") == 400
        assert status("/v1/greet/x", times="two") == 400


def test_every_question_has_an_answer_and_a_place_of_its_own() -> None:
    assert set(ANSWERS) == set(QUESTIONS)
    places = [(asked.method, asked.path) for asked in QUESTIONS]
    assert len(set(places)) == len(places)
    assert all(asked.__doc__ for asked in QUESTIONS)
