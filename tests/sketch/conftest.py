"""No deadline per example here: the first call of a kernel compiles it."""

from hypothesis import settings

settings.register_profile("compiled kernels", deadline=None)
settings.load_profile("compiled kernels")
