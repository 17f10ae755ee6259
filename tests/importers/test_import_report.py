"""What an import says when it is done: counts, and what became of experiments, in words and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from plumbline.cli.import_arms import Arms, changed, lines_of
from tests.cli.plumbline import Ran, plumbline
from tests.importers.importing import lines
from tests.importers.test_exposures import exposure, turn

TURNS = [
    turn("ann", 2, session="s1", experiment="tone", variant="A"),
    turn("ann", 3, session="s1", experiment="tone", variant="B"),
    turn("bob", 3, session="s2", experiment="tone", variant="B"),
    turn("cat", 4, session="s3"),
]
EXPOSURES = [exposure("cat", "x", 1, "font"), exposure("cat", "y", 2, "font"), exposure("dan", "x", 1, "font")]


def run(tmp_path: Path, *arguments: str | Path) -> Ran:
    return plumbline("import", *arguments, "--data-dir", tmp_path / "home", cwd=tmp_path)


@pytest.mark.slow
def test_contamination_and_exposures_are_told(tmp_path: Path) -> None:
    first = run(tmp_path, lines(tmp_path / "t.jsonl", *TURNS))
    assert first.code == 0
    assert first.out.splitlines() == [
        "imported 4 items from 1 files (0 refused)",
        "taken for: interactions (1)",
        "stored 4 new rows, 0 were there already",
        "experiment tone: 3 turns with an arm",
        "experiment tone: 1 session and 1 user saw more than one arm and count for none (view contamination)",
    ]
    second = run(tmp_path, lines(tmp_path / "e.jsonl", *EXPOSURES))
    assert second.out.splitlines()[-1] == (
        "experiment font: 2 users exposed, 1 of them to more than one arm, 1 turn with an arm"
    )
    assert "tone" not in second.out
    again = run(tmp_path, tmp_path / "e.jsonl", "--format", "json")
    told = json.loads(again.out)
    assert (told["dry_run"], told["stored"], told["duplicate"], told["experiments"]) == (False, 0, 3, [])


def test_as_json(tmp_path: Path) -> None:
    paths = lines(tmp_path / "t.jsonl", *TURNS, {"input": "no answer"}), lines(tmp_path / "e.jsonl", *EXPOSURES)
    ran = run(tmp_path, *paths, "--format", "json")
    told: dict[str, Any] = json.loads(ran.out)
    assert ran.code == 1
    assert (told["files"], told["accepted"], told["refused"]) == (2, 7, 1)
    assert told["formats"] == {"interactions": 1, "exposures": 1}
    assert {one["experiment"]: (one["sessions"], one["exposed_twice"]) for one in told["experiments"]} == {
        "tone": (1, 0),
        "font": (0, 1),
    }


def test_the_name_of_an_experiment_is_data(tmp_path: Path) -> None:
    name = "\x1b[31mred\u202e\nnext"
    ran = run(tmp_path, lines(tmp_path / "t.jsonl", turn("ann", 1, experiment=name, variant="A")))
    assert not {"\x1b", "\u202e"} & set(ran.out)
    assert ran.out.splitlines()[-1] == r"experiment \x1b[31mred\u202e next: 1 turn with an arm"


def test_only_what_changed_is_told() -> None:
    one, two = Arms("a", 0, 0, 5, 0, 0), Arms("b", 1, 0, 1, 0, 0)
    assert changed({"a": one}, {"a": one, "b": two}) == [two]
    assert list(lines_of(two)) == ["experiment b: 1 user exposed, 1 turn with an arm"]
