"""How a command ends: an exit code, and one line on stderr for whatever a user can act on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

from monitor.errors import PlumblineError

INTERRUPTED: Final = 130


def guarded(work: Callable[[], int | None]) -> int:
    """Return the exit code of `work`; what a user can act on becomes one line on stderr, a bug keeps its traceback."""
    try:
        code = work()
        sys.stdout.flush()
    except PlumblineError as error:
        return fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit has somewhere to go
        return 0
    return int(code or 0)


def fail(message: str, code: int) -> int:
    """Say `message` in one line on stderr and return `code`."""
    print(f"plumbline: {_printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def _printable(text: str) -> str:
    """A message may quote what stands in a file, such as the name of a column."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
