"""The demo: two weeks of a fictional shop's support assistant, made by a seeded generator and sent through the real door.

All texts are ours, all names are invented; every span says `plumbline.demo` and comes from the app `demo-support`.
"""

from plumbline.demo.play import DemoReport, play_demo
from plumbline.demo.story import Truth

__all__ = ["DemoReport", "Truth", "play_demo"]
