"""Tags that hold while a block or a function runs: who set them, the tags, and what held before. Context variables follow asyncio and gevent: requests never mix."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
_CURRENT: ContextVar[tuple[Tags | None, dict[str, Any], Any]] = ContextVar("plumbline_tags", default=(None, {}, None))


def current_tags() -> dict[str, Any]:
    """Return the tags that hold here."""
    return _CURRENT.get()[1]


class Tags:
    """A context manager and a decorator; leaving it in another context than it was entered in changes nothing there."""

    def __init__(self, **tags: Any) -> None:
        self._tags = {key: value for key, value in tags.items() if value is not None}

    def __enter__(self) -> None:
        _CURRENT.set((self, current_tags() | self._tags, _CURRENT.get()))

    def __exit__(self, *_: object) -> None:
        owner, _tags, outer = _CURRENT.get()
        if owner is self:
            _CURRENT.set(outer)

    def __call__(self, function: _F) -> _F:
        """Tag every call of `function`, which may be a coroutine function; inside a generator use `with`."""

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with Tags(**self._tags):
                return await function(*args, **kwargs)

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with Tags(**self._tags):
                return function(*args, **kwargs)

        return awaited if iscoroutinefunction(function) else called  # type: ignore[return-value]


def prompt(name: str, version: str | None = None) -> Tags:
    """Tag spans with the prompt that was used (`gen_ai.prompt.name`, `gen_ai.prompt.version`)."""
    return Tags(**{"gen_ai.prompt.name": name, "gen_ai.prompt.version": version})


def experiment(name: str, variant: str, *, unit: str | None = None) -> Tags:
    """Tag spans with an experiment arm, as a feature flag; `unit` is what was randomised, where it is not `user.id`."""
    return Tags(**{"feature_flag.key": name, "feature_flag.result.variant": variant, "feature_flag.context.id": unit})


def context(**said: str | None) -> Tags:
    """Tag spans with whom is spoken to (`region`, `channel`, `audience`, `tenant`, `language`): few values each, no ids."""
    return Tags(**{f"plumbline.{name}": value for name, value in said.items()})


def identity(*, user: str | None = None, session: str | None = None, message: str | None = None) -> Tags:
    """Tag spans with who is served (`user.id`, `session.id`), and with your own id of the answer (`message.id`)."""
    return Tags(**{"user.id": user, "session.id": session, "message.id": message})
