"""How this room compiles a hot loop: numba, cached on disk, without the interpreter lock.

Its own wrapper and not ``sketch``'s, because nothing here may import what sees a text.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
from numpy.typing import NDArray

__all__ = ["Array", "inlined", "kernel"]

Array: TypeAlias = NDArray[Any]
"""An array inside a kernel; the docstring names its element type."""

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile ``function`` at its first call; later processes load it from numba's cache."""
    return cast(_F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: _F) -> _F:
    """Compile ``function`` into its callers: for steps so small that passing their arguments would dominate."""
    return cast(_F, numba.njit(nogil=True, error_model="numpy", forceinline=True)(function))
