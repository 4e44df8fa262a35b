"""No deadline per example: the first call of a kernel compiles it, and machines are busy."""

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
