"""The one way a hot loop is compiled: numba, cached on disk, without the interpreter lock.

A typed wrapper rather than the bare decorator, so that strict typing reaches the kernels' callers and
every kernel releases the lock: a gateway sketches while its event loop serves.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
from numpy.typing import NDArray

__all__ = ["Array", "Word", "inlined", "kernel"]

Array: TypeAlias = NDArray[Any]
"""An array inside a kernel; the docstring names its element type."""
Word: TypeAlias = Any
"""A machine word inside a kernel: numba's arithmetic on it is not the one that type checkers know."""

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile ``function`` at its first call; later processes load it from numba's cache."""
    return cast(_F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: _F) -> _F:
    """Compile ``function`` into its callers: for steps so small that passing their arguments would dominate."""
    return cast(_F, numba.njit(nogil=True, error_model="numpy", forceinline=True)(function))
