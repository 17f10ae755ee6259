"""All families a policy can name."""

from __future__ import annotations

from typing import Final, get_args

from monitor.graders.banned import Banned
from monitor.graders.evidently import Evidently
from monitor.graders.exposure import HiddenPrompt
from monitor.graders.grounded import Grounded
from monitor.graders.injection import Injection
from monitor.graders.language import Language
from monitor.graders.leaks import PersonalData, Secret
from monitor.graders.length import Length
from monitor.graders.loops import Loop
from monitor.graders.obeyed import Obeyed
from monitor.graders.refusal import Refusal
from monitor.graders.repetition import Repetition
from monitor.graders.rubric import Judge
from monitor.graders.structured import Json
from monitor.graders.tool_calls import ToolCalls

AnyGrader = (
    Refusal
    | PersonalData
    | Secret
    | HiddenPrompt
    | Banned
    | Json
    | Length
    | Language
    | Repetition
    | Grounded
    | Injection
    | Obeyed
    | ToolCalls
    | Loop
    | Evidently
    | Judge
)

FAMILIES: Final = {str(family.__struct_config__.tag): family for family in get_args(AnyGrader)}
"""Family by the name that stands behind `use:`."""
