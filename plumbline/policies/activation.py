"""Who puts a policy in force, and who takes it back: the file in the folder of policies is what holds, the control state what was.

What is activated is written into the folder, so that folder and house never disagree, whoever starts next; every version that
was ever in force is kept with its text, its actor and its approver. Acts stand in the audit like any other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from monitor.clock import Clock
from monitor.errors import NotFound, UsageError
from monitor.policy.load import given_policy, in_force, with_file, with_status
from monitor.policy.schema import Policy
from monitor.state import ControlState, Transaction, policy_versions
from monitor.state.policy_versions import Version
from plumbline.api.policy_questions import ActivatePolicy, RollBackPolicy

PLAIN: Final = re.compile(r"[\w.-]{1,80}")
"""Ids that can be names of files."""


@dataclass(frozen=True)
class Done:
    """What holds from now on, and what to tell."""

    policies: list[Policy]
    told: dict[str, str]


@dataclass(frozen=True)
class Activation:
    """The folder of policies of a house (None: the starter policy alone), and the record of what was in force."""

    state: ControlState
    folder: Path | None
    clock: Clock

    def own(self, policies: Sequence[Policy]) -> list[Policy]:
        """Return the policies of the folder among those in force; the starter policy is nobody's own."""
        return [] if self.folder is None else [policy for policy in policies if not policy.unless]

    def remember(self, policies: Sequence[Policy]) -> None:
        """Keep the text of what was found in the folder, where it is not what was put in force last."""
        for policy in self.own(policies):
            with self.state.transaction() as txn:
                known = policy_versions.history(txn, policy.id)
                if not known or known[0].hash != policy.hash:
                    text = Path(policy.path).read_text(encoding="utf-8")
                    policy_versions.add(txn, self._version(policy, text, "the folder", "", "found"))

    def last_texts(self) -> dict[str, str]:
        """Return, by name of file in the folder, the text that was put in force last."""
        with self.state.transaction() as txn:
            return policy_versions.last_texts(txn)

    def versions(self, policy: str) -> list[dict[str, Any]]:
        """Return what was in force, newest first, without the texts. Raises `NotFound`."""
        names = ("version", "hash", "status", "at", "actor", "approved_by", "act")
        with self.state.transaction() as txn:
            return [{name: getattr(one, name) for name in names} for one in _history(txn, policy)]

    def text(self, policy: str) -> dict[str, str]:
        """Return the file of a policy as it was put in force last. Raises `NotFound`."""
        with self.state.transaction() as txn:
            last = _history(txn, policy)[0]
        return {"policy": policy, "file": last.file, "version": last.version, "text": last.text}

    def activate(self, txn: Transaction, asked: ActivatePolicy, actor: str) -> Done:
        """Put a policy in force. Raises `ConfigError` for a wrong file, `UsageError` where an approver is missing."""
        source, policy = given_policy(asked.name, asked.text, self.clock)
        _demand_approval(policy, asked.approved_by, actor)
        return self._put(txn, policy.id, with_status(source, asked.status), actor, asked.approved_by, "activated")

    def roll_back(self, txn: Transaction, asked: RollBackPolicy, actor: str) -> Done:
        """Put the version in force that was before the present one. Raises `NotFound`, `UsageError`."""
        known = _history(txn, asked.policy)
        before = next((one for one in known if one.hash != known[0].hash), None)
        if before is None:
            raise UsageError(
                f"policy {asked.policy} was never in force in another version, so there is nothing to go back to"
            )
        return self._put(txn, asked.policy, before.text, actor, before.approved_by, "rolled back")

    def _put(
        self,
        txn: Transaction,
        policy_id: str,
        text: str,
        actor: str,
        approved_by: str,
        act: Literal["activated", "rolled back"],
    ) -> Done:
        if self.folder is None:
            raise UsageError("there is no folder of policies (name one in plumbline.yaml: policies: FOLDER)")
        own = with_file(self.folder, _file(txn, policy_id), text, self.clock)
        put = next(policy for policy in own if policy.id == policy_id)
        policy_versions.add(txn, self._version(put, text, actor, approved_by, act))
        _replace(Path(put.path), text)
        told = {"policy": put.id, "version": put.version, "status": put.status, "hash": put.hash, "file": put.path}
        return Done(in_force(own), told)

    def _version(
        self, policy: Policy, text: str, actor: str, approved_by: str, act: Literal["found", "activated", "rolled back"]
    ) -> Version:
        return Version(
            policy=policy.id,
            version=policy.version,
            hash=policy.hash,
            status=policy.status,
            file=Path(policy.path).name,
            text=text,
            at=self.clock.now(),
            actor=actor,
            approved_by=approved_by,
            act=act,
        )


def _history(txn: Transaction, policy: str) -> list[Version]:
    known = policy_versions.history(txn, policy)
    if not known:
        raise NotFound(f"{policy} among the policies that were ever in force")
    return known


def _file(txn: Transaction, policy_id: str) -> str:
    """Return the name of the file that holds the policy, or that will."""
    known = policy_versions.history(txn, policy_id)
    if not known and not PLAIN.fullmatch(policy_id):
        raise UsageError(f"policy id {policy_id!r} cannot be the name of a file (letters, digits and . _ -)")
    return known[0].file if known else f"{policy_id}.yaml"


def _demand_approval(policy: Policy, approved_by: str, actor: str) -> None:
    approvers = policy.file.policy.approvers
    if not approvers:
        return
    if approved_by not in approvers:
        who = f"{approved_by} is none of them" if approved_by else "nobody is said to have approved it"
        raise UsageError(
            f"policy {policy.id} needs the approval of {' or '.join(approvers)}; {who} (--approved-by NAME)"
        )
    if approved_by == actor:
        raise UsageError(f"{actor} cannot approve what {actor} activates; another approver has to")


def _replace(path: Path, text: str) -> None:
    """Write a policy file whole or not at all, readable as it was. Raises `UsageError` where the folder takes no files."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror} (the agent must own its policies)") from None
