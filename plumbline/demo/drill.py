"""A fire drill: the demo's model swap in virtual time, from the page it opens at a stand-in of PagerDuty to the incident that is exported.

The telemetry passes the collector's intake, the agent is a real one on a folder of its own, and its receiver validates like the real
thing; only the clock is moved by hand. On day 10 the model is swapped, two days later the vendor takes the swap back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from collectors.intake import Intake
from collectors.process import make_intake
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.private_file import replace_private
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.alert_questions import AckAlert, Alerts
from plumbline.api.call import Actor, Call
from plumbline.api.incident_questions import CloseIncident, ExportIncident, NoteIncident, OpenIncident
from plumbline.api.question import Question
from plumbline.demo.story import Visit, swap_time, tell
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.demo.telemetry import APP, Stage
from plumbline.opening import open_agent

HOUR: Final = timedelta(hours=1)
LASTS: Final = timedelta(days=2)
"""How long the new model answers before it is taken back."""

GOES_ON: Final = timedelta(days=3)
"""How long the drill waits for everything to be good again."""

TAKES_UP: Final = timedelta(minutes=10)
"""How long the person on call takes to answer a page."""

WATCHED: Final = timedelta(days=1)
"""Between two looks before anything happens; from the day of the swap on, one an hour."""

BROKEN: Final = "SUP-TONE-01"
"""The rule of the demo's policy that the swap breaks first: the new model rambles."""

ON_CALL: Final = Actor("on-call")

Say = Callable[[datetime, str], None]


@dataclass(frozen=True)
class Drilled:
    """What came of it: pages opened and left open at the stand-in, and where the incident was written."""

    opened: int
    left_open: int
    refused: int
    bundle: Path | None


@dataclass
class _Scene:
    """The house of a drill, and what its person on call has done so far."""

    agent: Agent
    intake: Intake
    clock: FakeClock
    stub: Stub
    say: Say
    folder: Path
    page: str | None = None
    incident: int = 0
    bundle: Path | None = None

    def ask(self, question: Question[Any]) -> Any:
        """Return the answer to what the person on call asks or does."""
        return Answers(self.agent).answer(question, Call(ON_CALL))

    def tell(self, what: str) -> None:
        """Say what happens now."""
        self.say(self.clock.now(), what)


def hold_drill(settings: Settings, folder: Path, seed: int, until: datetime, say: Say) -> Drilled:
    """Live through two weeks that end at `until` and the days after, in `folder`; `say` hears what happens, and when."""
    clock = FakeClock(until - timedelta(days=14))
    with a_stub(clock) as stub:
        settings = msgspec.structs.replace(settings, alerts=str(_rules(folder, stub.pagerduty_url)))
        agent = open_agent(settings, folder / "data", clock)
        intake = make_intake(settings.collector, folder / "data", clock=clock)
        try:
            scene = _Scene(agent, intake, clock, stub, say, folder)
            _live(scene, seed, until)
        finally:
            intake.close()
            agent.close()
        model = stub.model
        return Drilled(len(model.opened), len(model.pages), len(model.refusals), scene.bundle)


def _rules(folder: Path, url: str) -> Path:
    """Write alert rules that page for what the swap breaks."""
    file = folder / "alerts.yaml"
    pager = {"kind": "pagerduty", "name": "pager", "routing_key": "d" * 32, "url": url}
    rule = {
        "id": "policy-broken",
        "title": "Answers break the policy",
        "signal": "violation_rate",
        "limits": "policy",
        "where": {"app": APP, "rule": BROKEN},
        "severity": "error",
        "clear": {"op": "<", "value": 0.02, "stat": "upper_bound", "hold": 3},
        "when": {"op": ">", "value": 0.02, "stat": "lower_bound", "min_n": 50},
    }
    routes = [{"to": ["pager"], "remind_every": "4h"}]
    text = json.dumps({"version": 1, "receivers": [pager], "rules": [rule], "routes": routes})
    replace_private(file, text.encode())  # JSON is YAML
    return file


def _live(scene: _Scene, seed: int, until: datetime) -> None:
    """Let the hours pass, those before the swap day by day; ends once the incident is exported."""
    swap, after = swap_time(until), until + timedelta(days=8)  # a play whose own swap lies beyond the drill
    back, first, second = swap + LASTS, Stage(seed, until), Stage(seed, after)
    visits = [(first, visit) for visit in tell(seed, until) if visit.time < back]
    visits += [(second, visit) for visit in tell(seed, after) if back <= visit.time < until + GOES_ON]
    for moment, group in groupby(visits, lambda one: _look_after(one[1].time, swap)):
        _send(scene, list(group))
        _look(scene, moment, swap)
        if scene.bundle:
            return


def _look_after(time: datetime, swap: datetime) -> datetime:
    """Return when the house looks next after `time`."""
    if time < swap:
        return swap - (swap - time) // WATCHED * WATCHED
    return swap + ((time - swap) // HOUR + 1) * HOUR


def _look(scene: _Scene, moment: datetime, swap: datetime) -> None:
    for told, at in (("the vendor swaps the model", swap), ("the vendor takes the swap back", swap + LASTS)):
        if moment - HOUR < at <= moment:
            scene.say(at, told)
    scene.clock.move_to(moment)
    scene.agent.settle()
    scene.agent.cycle()
    scene.agent.deliver()
    if scene.page is None and scene.stub.model.opened:
        _answer_the_page(scene, scene.stub.model.opened[0])
    elif scene.page is not None and scene.page in scene.stub.model.closed:
        _write_it_up(scene)


def _answer_the_page(scene: _Scene, page: str) -> None:
    """What the person on call does: look who is affected, take it up, open the incident, say what is being done."""
    scene.page, fingerprint = page, page.rpartition("/")[2]
    alert = next(row for row in scene.ask(Alerts()) if row["fingerprint"] == fingerprint)
    scene.tell(f"PagerDuty opens a page: {alert['title']}")
    for line in (alert["affected"], alert["change"], alert["cause"]):
        if line:
            scene.tell(f"  {line}")
    scene.clock.advance(TAKES_UP)
    scene.tell(scene.ask(AckAlert(fingerprint))["done"])
    opened = scene.ask(OpenIncident(fingerprint, owner=ON_CALL.name))
    scene.incident = opened["number"]
    scene.tell(opened["done"])
    scene.ask(NoteIncident(scene.incident, "asked the vendor to take the new model back", "done"))
    scene.agent.deliver()
    scene.tell(f"at PagerDuty the page is {scene.stub.model.pages[page]}")


def _write_it_up(scene: _Scene) -> None:
    """Close the incident with what was learnt, and write its bundle."""
    scene.tell("it is good again: PagerDuty closes the page by itself")
    scene.clock.advance(TAKES_UP)
    scene.ask(CloseIncident(scene.incident, "The model changed behind its name; we pin the version from now on."))
    scene.bundle = scene.folder / f"incident-{scene.incident}"
    scene.bundle.mkdir(exist_ok=True)
    for name, text in scene.ask(ExportIncident(scene.incident)).items():
        (scene.bundle / name).write_text(text, encoding="utf-8")
    scene.tell(f"incident {scene.incident} is closed and exported")


def _send(scene: _Scene, visits: Sequence[tuple[Stage, Visit]]) -> None:
    for stage, visit in visits:
        stage.perform(visit)
    for stage in dict.fromkeys(stage for stage, _ in visits):
        spans, logs = stage.take()
        scene.intake.submit("traces", "protobuf", encode_spans(spans).SerializeToString()).result()
        if logs:
            scene.intake.submit("logs", "protobuf", encode_logs(logs).SerializeToString()).result()
