"""Where in a policy file a thing stands, for errors that say so."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from monitor.errors import ConfigError

Step = str | int


@dataclass(frozen=True)
class Source:
    """The text of one file and its YAML nodes."""

    path: str
    text: str

    def error(self, steps: tuple[Step, ...], problem: str, hint: str = "") -> ConfigError:
        """Return the error that `problem` is at `steps`, such as ("rules", 2, "id")."""
        return ConfigError(self.path, self.line(steps), problem, hint)

    def line(self, steps: tuple[Step, ...]) -> int | None:
        """Return the 1-based line of the deepest of `steps` that exists, or None for a file that is not YAML."""
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        line = None
        for step in steps:
            mark, node = _child(node, step)
            line = mark.line + 1 if mark else line
        return line


def _child(node: yaml.Node | None, step: Step) -> tuple[yaml.Mark | None, yaml.Node | None]:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark, value) for key, value in node.value if key.value == step), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark, node.value[step]
    return None, None
