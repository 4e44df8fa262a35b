"""Pseudonyms that leave a sealed trace: what an investigator may open later, with a reason.

A decorator around the pseudonymiser, so that nothing else knows whether a vault is kept. Scan and gateway hold
the public key only: it can seal and never open.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from nacl.public import PublicKey
from numpy.typing import NDArray

from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.pseudonyms import Pseudonyms
from spiritsafe.privacy.vault import Identifier, Vault

__all__ = ["Sealing"]

Int = NDArray[np.int64]

_DAY_US = 86_400_000_000


class Sealing:
    """Pseudonymises and seals.

    Args:
        inner: who makes the pseudonyms.
        vault: where sealed identifiers go.
        public_key: whom they are sealed to.
        days: time to live, counted from when the identifier was seen.
    """

    def __init__(self, inner: Pseudonyms, vault: Vault, public_key: PublicKey, days: int) -> None:
        self._inner, self._vault, self._key, self._days = inner, vault, public_key, days

    def values(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, us: Int) -> tuple[Int, Int]:
        """Pseudonyms of identifiers; every distinct one is sealed."""
        found = self._inner.values(kind, values, us)
        self._seal(kind, values, us, found)
        return found

    def addresses(
        self, kinds: tuple[TraitKind, TraitKind], ips: pa.Array | pa.ChunkedArray, us: Int
    ) -> tuple[tuple[Int, Int], tuple[Int, Int]]:
        """Pseudonyms of addresses, which are sealed, and of their networks, which are not."""
        single, wide = self._inner.addresses(kinds, ips, us)
        self._seal(kinds[0], ips, us, single)
        return single, wide

    def _seal(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, us: Int, found: tuple[Int, Int]) -> None:
        rows, pseudonyms = found
        _, latest = np.unique(pseudonyms[::-1], return_index=True)
        chosen = len(rows) - 1 - latest
        raw = pc.cast(values, pa.string()).take(pa.array(rows[chosen])).to_pylist()
        self._vault.seal(
            (
                Identifier(kind=kind, pseudonym=pseudonym, raw=text, expires_us=seen + self._days * _DAY_US)
                for pseudonym, text, seen in zip(
                    pseudonyms[chosen].tolist(), raw, us[rows[chosen]].tolist(), strict=True
                )
            ),
            self._key,
        )
