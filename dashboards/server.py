"""What `streamlit run` serves: the pages of `dashboards.app`, behind the doorkeeper."""

from __future__ import annotations

import sys
from typing import Final

from starlette.middleware import Middleware
from streamlit.starlette import App

from dashboards.doorkeeper import Doorkeeper, Names, headers
from dashboards.process import APP, arguments

_given = arguments(sys.argv[1:])

app: Final = App(
    APP, middleware=[Middleware(Doorkeeper, names=Names(_given.bound, _given.public_url), carried=headers())]
)
