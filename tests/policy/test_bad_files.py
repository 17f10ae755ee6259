"""Each way to write a policy wrong gives one line that names the place; `#!` marks the line that must be named."""

from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.errors import ConfigError
from monitor.policy import load_policies
from tests.policy.support import GOOD, NOW, write

BAD = {
    "no such api version": ("apiVersion: policy/v1", "apiVersion: policy/v2  #!", "policy/v2"),
    "unknown key at the top": ("scope: {", "scopes: {apps: [x]}  #!\nscope: {", "scopes"),
    "unknown key in the header": ("  id: shop", "  id: shop\n  stats: active  #!", "did you mean `status`"),
    "unknown key in the scope": ("scope: {apps: [shop]}", "scope:\n  app: [shop]  #!", "did you mean `apps`"),
    "unknown key in a rule": ("    title: One", "    titel: One  #!\n    title: One", "did you mean `title`"),
    "unknown key in an example": (
        "{id: e1, label: violates, out: bad word}",
        "{id: e1, label: violates, output: bad word}  #!",
        "output",
    ),
    "unknown status": ("status: active", "status: live  #!", "live"),
    "unknown severity": ("    kind: must_not", "    kind: must_not\n    severity: huge  #!", "huge"),
    "unknown rule kind": ("    kind: must_not", "    kind: mustnt  #!", "mustnt"),
    "unknown surface": ("    kind: must_not", "    kind: must_not\n    surface: [outputs]  #!", "outputs"),
    "unknown label": ("label: violates, out: bad word}", "label: bad, out: bad word}  #!", "bad"),
    "unknown authority": ("    kind: must_not", "    kind: must_not\n    authority: soft  #!", "soft"),
    "missing title": ("    title: One\n", "", "title"),
    "missing statement": ("    statement: Say no bad word.\n", "", "statement"),
    "missing reason": ("    rationale: It is bad.\n", "", "rationale"),
    "missing policy": ("policy:\n  id: shop\n  version: 1.0.0\n  status: active\n", "", "policy"),
    "no rules at all": ("__RULES__", "rules: []  #!\n", "no rules"),
    "version is a number": ("version: 1.0.0", "version: 1  #!", "version"),
    "apps is not a list": ("scope: {apps: [shop]}", "scope: {apps: shop}  #!", "apps"),
    "key twice": ("    title: One", "    title: One\n    title: Two  #!", "stands here twice"),
    "rule id twice": ("  - id: R-2", "  - id: R-1  #!", "`R-1` is used twice"),
    "example id twice": ("{id: e2, label: complies", "{id: e1, label: complies", "`e1` is used twice"),
    "grader without use": ("{use: banned, phrases: [bad word]}", "{phrases: [bad word]}  #!", "needs `use:"),
    "unknown grader": ("{use: length, max_chars: 40}", "{use: lenght, max_chars: 40}  #!", "did you mean `length`"),
    "grader is a word": ("{use: length, max_chars: 40}", "length  #!", "needs `use:"),
    "unknown setting": ("{use: length, max_chars: 40}", "{use: length, max_char: 40}  #!", "did you mean `max_chars`"),
    "setting of the wrong type": (
        "{use: length, max_chars: 40}",
        "{use: length, max_chars: many}  #!",
        "expected `int",
    ),
    "length without bounds": ("{use: length, max_chars: 40}", "{use: length}  #!", "at least one of"),
    "length upside down": (
        "{use: length, max_chars: 40}",
        "{use: length, min_chars: 50, max_chars: 40}  #!",
        "no minimum is above its maximum",
    ),
    "banned without phrases": ("{use: banned, phrases: [bad word]}", "{use: banned}  #!", "phrases or patterns"),
    "rate above one": (
        "    kind: must_not",
        "    kind: must_not\n    thresholds: {warn_rate: 5}  #!",
        "between 0 and 1",
    ),
    "rate of nothing": (
        "    kind: must_not",
        "    kind: must_not\n    thresholds: {warn_rate: 0}  #!",
        "zero_tolerance",
    ),
    "warning after the incident": (
        "    kind: must_not",
        "    kind: must_not\n    thresholds: {warn_rate: 0.2, incident_rate: 0.1}  #!",
        "warn earlier",
    ),
    "unknown framework": (
        "    kind: must_not",
        "    kind: must_not\n    controls: ['EU-AI:26']  #!",
        "did you mean `EU-AIA`",
    ),
    "unknown control": (
        "    kind: must_not",
        "    kind: must_not\n    controls: ['ISO42001:9.4']  #!",
        "ISO42001:A.9.4",
    ),
    "bad regex": ("{use: banned, phrases: [bad word]}", "{use: banned, patterns: ['(bad']}  #!", "unclosed group"),
    "regex with look-ahead": (
        "{use: banned, phrases: [bad word]}",
        "{use: banned, patterns: ['bad(?= word)']}  #!",
        "look-around",
    ),
    "regex for everything": (
        "{use: banned, phrases: [bad word]}",
        "{use: banned, patterns: ['(bad)*']}  #!",
        "found everywhere",
    ),
    "empty phrase": ("{use: banned, phrases: [bad word]}", "{use: banned, phrases: [' ']}  #!", "empty phrase"),
    "unknown language": ("{use: length, max_chars: 40}", "{use: language, expect: [tlh]}  #!", "tlh"),
    "repetition out of range": (
        "{use: length, max_chars: 40}",
        "{use: repetition, max_repeated: 7}  #!",
        "between 0 and 1",
    ),
    "condition without a test": (
        "    examples:\n      - {id: e1, label: violates, out: bad word}",
        (
            "    exceptions:\n      - {id: X, when: {field: app}, approved_by: dpo, expires: 2030-01-01}  #!\n"
            "    examples:\n      - {id: e1, label: violates, out: bad word}"
        ),
        "exactly one of",
    ),
    "expired exception": (
        "    examples:\n      - {id: e1, label: violates, out: bad word}",
        (
            "    exceptions:\n      - {id: X, when: {field: app, eq: a}, approved_by: dpo, expires: 2025-01-01}  #!\n"
            "    examples:\n      - {id: e1, label: violates, out: bad word}"
        ),
        "expired on 2025-01-01",
    ),
    "exception without end": (
        "    examples:\n      - {id: e1, label: violates, out: bad word}",
        (
            "    exceptions:\n      - {id: X, when: {field: app, eq: a}, approved_by: dpo}  #!\n"
            "    examples:\n      - {id: e1, label: violates, out: bad word}"
        ),
        "expires",
    ),
    "grader misses a violation": (
        "{id: e1, label: violates, out: bad word}",
        "{id: e1, label: violates, out: good word}  #!",
        "contradiction",
    ),
    "grader flags a compliance": (
        "{id: e2, label: complies, out: good word}",
        "{id: e2, label: complies, out: a bad  word}  #!",
        "contradiction",
    ),
    "precedence of nothing": ("scope: {", "precedence: [R-*, Q-*]  #!\nscope: {", "`Q-*` matches no rule"),
    "tabs": ("  - id: R-1", "\t- id: R-1  #!", "not valid YAML"),
    "missing secret": ("    title: One", "    title: ${env:PLUMBLINE_NO_SUCH}  #!", "PLUMBLINE_NO_SUCH"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    old, new, said = BAD[name]
    if old == "__RULES__":
        text = GOOD[: GOOD.index("rules:")] + new
    else:
        assert old in GOOD, "the case would change nothing"
        text = GOOD.replace(old, new, 1)
    with pytest.raises(ConfigError) as caught:
        load_policies(write(tmp_path, text), FakeClock(NOW))
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert caught.value.path.endswith("shop.yaml")
    if "#!" in text:
        assert caught.value.line == next(n for n, line in enumerate(text.splitlines(), 1) if "#!" in line)
    assert caught.value.line is not None


def test_there_are_enough_cases() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00bad", "UTF-8"),
        (b"", "object"),
        (b"- a\n- b\n", "object"),
        (b"just words", "object"),
        (b"a: [1, 2", "YAML"),
    ],
)
def test_files_that_are_not_policies(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_policies(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a folder"):
        load_policies(tmp_path / "nowhere")


def test_a_folder_without_policies(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ConfigError, match="holds no policy file"):
        load_policies(tmp_path)


def test_one_rule_id_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD.replace("id: shop", "id: other"), "b.yaml")
    with pytest.raises(ConfigError, match=r"b\.yaml:8: rule `R-1` is also in .*a\.yaml"):
        load_policies(tmp_path, FakeClock(NOW))


def test_one_policy_id_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD.replace("R-", "Q-"), "b.yaml")
    with pytest.raises(ConfigError, match=r"b\.yaml:3: policy `shop` is also in .*a\.yaml"):
        load_policies(tmp_path, FakeClock(NOW))


def test_two_rules_with_opposite_labels_for_one_text(tmp_path: Path) -> None:
    text = GOOD.replace("{id: e1, label: complies, out: short}", "{id: e1, label: violates, out: good   word}").replace(
        "{use: length, max_chars: 40}", "{use: length, max_chars: 4}"
    )
    with pytest.raises(ConfigError, match=r"contradiction: example `R-2/e1` and `R-1/e2` are one text"):
        load_policies(write(tmp_path, text), FakeClock(NOW))


def test_opposite_labels_are_fine_where_the_input_differs_or_the_scopes_do(tmp_path: Path) -> None:
    text = GOOD.replace(
        "{id: e1, label: complies, out: short}", "{id: e1, label: violates, in: 'Why?', out: good word}"
    ).replace("{use: length, max_chars: 40}", "{use: length, max_chars: 4}")
    assert len(load_policies(write(tmp_path, text), FakeClock(NOW))) == 1
    other = GOOD.replace("id: shop", "id: other").replace("R-", "Q-").replace("[shop]", "[bank]")
    other = other.replace("label: complies, out: good word", "label: complies, out: fine").replace(
        "bad word", "good word"
    )
    write(tmp_path, other, "z.yaml")
    assert len(load_policies(tmp_path, FakeClock(NOW))) == 2
    write(tmp_path, other.replace("[bank]", "[bank, shop]"), "z.yaml")
    with pytest.raises(ConfigError, match="contradiction"):
        load_policies(tmp_path, FakeClock(NOW))
