"""Questions about policies: what an edited one would change, and acts that put one in force or take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from monitor.config.durations import parse_duration
from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope


class Policies(Question[list[dict[str, Any]]], frozen=True):
    """The policies in force or in shadow: rules with statement, owner, severity, limits, examples and what came of them."""

    path: ClassVar[str] = "/v1/policies"
    under: ClassVar[str] = "policies"


class PromptCheck(Question[list[dict[str, Any]]], frozen=True):
    """Per policy and app, the rules whose statement the system prompts of the last 30 days lack, and since when."""

    path: ClassVar[str] = "/v1/policies/prompts"
    under: ClassVar[str] = "checks"


class PreviewPolicy(Question[dict[str, Any]], frozen=True):
    """What the policy in `text` would have said of the turns of the last time; of more than `most`, so many are drawn.

    `name` is what errors call it. Stored texts are graded, and nothing is kept.
    """

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/policies/preview"
    job: ClassVar[bool] = True

    name: str
    text: str
    last: str = "7d"
    most: int | None = None

    def check(self) -> None:
        try:
            parse_duration(self.last)
        except ValueError as error:
            raise UsageError(str(error)) from None
        if self.most is not None and self.most < 1:
            raise UsageError("most must be at least 1")


class Versions(Question[list[dict[str, Any]]], frozen=True):
    """What was put in force of one policy, newest first: version, hash, state, when, by whom, who approved."""

    path: ClassVar[str] = "/v1/policies/{policy}/versions"
    under: ClassVar[str] = "versions"

    policy: str


class PolicyText(Question[dict[str, str]], frozen=True):
    """The file of a policy as it was put in force last: its name, version and text."""

    path: ClassVar[str] = "/v1/policies/{policy}/text"

    policy: str


class ActivatePolicy(Question[dict[str, str]], frozen=True):
    """Put the policy in `text` in force, or in shadow, or end it; it becomes a file of the folder of policies."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/policies/activate"
    scope: ClassVar[Scope] = "govern"
    quiet: ClassVar[bool] = True

    name: str
    text: str
    status: Literal["active", "shadow", "retired"] = "active"
    approved_by: str = ""

    def about(self, _hidden: Callable[[str], str]) -> str:
        approved = f", approved by {self.approved_by}" if self.approved_by else ""
        return f"{self.name} as {self.status}{approved}"


class RollBackPolicy(Question[dict[str, str]], frozen=True):
    """Put the version of a policy in force that was before the present one."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/policies/rollback"
    scope: ClassVar[Scope] = "govern"
    quiet: ClassVar[bool] = True

    policy: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.policy
