"""Finds coordinated distillation campaigns in the exchange logs of a model API.

The package root imports nothing else: every room is imported where it is used, so that
``import spiritsafe`` and ``spiritsafe --help`` stay fast.
"""

from spiritsafe.__about__ import __version__

__all__ = ["__version__"]
