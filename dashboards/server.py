"""What `streamlit run` serves: the pages of `dashboards.app`, behind the doorkeeper, and behind the sign-in where there is one."""

from __future__ import annotations

import sys
from typing import Final

from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboards.doorkeeper import Doorkeeper, Names, headers
from dashboards.porch import Porch
from dashboards.process import APP, arguments

_given = arguments(sys.argv[1:])
_middleware = [Middleware(Doorkeeper, names=Names(_given.bound, _given.public_url), carried=headers())]
if _given.sign_in:
    _middleware.append(Middleware(Porch, given=_given))

app: Final = App(APP, middleware=_middleware)
