"""A policy file read as a stream: line by line in bounded memory, and refused whole if anything is amiss.

The header tells how many lines follow and their digest, so that a file that was cut off or altered is known for
one before anybody acts on half of it.
"""

from collections.abc import Collection, Iterator
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from spiritsafe.model.errors import InputError
from spiritsafe.model.words import Step
from spiritsafe.policy.lines import SCHEMA, Header, Line, Rows, Signature
from spiritsafe.policy.signature import verify
from spiritsafe.policy.terms import microseconds

__all__ = ["PolicyReader", "open_policy"]

_HEADER_BYTES, _LINE_BYTES = 4_096, 1 << 20
_WHOLE = "A policy is taken whole or not at all: take it from where it was written."
_SUSPEND = "Have an operator sign the file: spiritsafe policy sign FILE --key KEY, and trust that key."
_FORMAT = "See docs/policy.md for what a line holds."
_T = TypeVar("_T")


def open_policy(source: Path | bytes) -> tuple[BinaryIO, str]:
    """Return a stream of a policy's bytes, and what messages call it.

    Raises:
        InputError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return BytesIO(source), ""
    try:
        return source.open("rb"), str(source)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(source), hint="Check the path.") from error


class PolicyReader:
    """A policy being read: the header at once, lines as they are asked for, the whole checked at its end.

    What lines say is checked where they are made into a table. Nothing may act on them before the iteration has
    ended without an error.

    Args:
        stream: the file's bytes.
        name: what messages call the file.
        trusted: public keys of the operators whose ``suspend`` rows are taken.
        draft: take ``suspend`` rows that nobody has signed yet.

    Attributes:
        header: of the file.
        row: number of the line in hand, the header not counted; None before the first and after the last.

    Raises:
        InputError: there is no header of this version.
    """

    def __init__(self, stream: BinaryIO, name: str, *, trusted: Collection[str] = (), draft: bool = False) -> None:
        self._stream, self._name = stream, name
        self.row: int | None = None
        self._head = self._line(_HEADER_BYTES)
        self.header = self._decoded(self._head, msgspec.json.Decoder(Header))
        if self.header.schema != SCHEMA:
            raise self.refused(f"a policy of another version: {self.header.schema!r} where {SCHEMA!r} is known")
        try:
            microseconds(self.header.created_at, "created_at")
        except InputError as error:
            raise self.placed(error) from error
        self._may_suspend = draft or self.header.signer in trusted

    def __iter__(self) -> Iterator[Line]:
        """Yield the lines.

        Raises:
            InputError: a line is none, the file is not whole, or a signature or the trust in it is missing.
        """
        decoder, digest = msgspec.json.Decoder(Line), blake2b(digest_size=32)
        for number in range(1, self.header.lines + 1):
            self.row = number
            raw = self._line(_LINE_BYTES)
            digest.update(raw)
            line = self._decoded(raw, decoder)
            if isinstance(line, Rows) and line.step is Step.SUSPEND and not self._may_suspend:
                raise self.refused("suspend in a file that nobody who is trusted has signed", "step", hint=_SUSPEND)
            yield line
        self.row = None
        if digest.hexdigest() != self.header.digest:
            raise self.refused("the lines are not those that the header names")
        self._end()

    def refused(self, message: str, column: str = "", *, hint: str = _WHOLE) -> InputError:
        """Return an error about the line in hand."""
        return InputError(message, file=self._name, row=self.row, column=column, hint=hint)

    def placed(self, error: InputError) -> InputError:
        """Return an error of somebody who does not know where the line in hand is from."""
        return self.refused(error.reason, error.column, hint=error.hint)

    def _end(self) -> None:
        if self.header.signer is not None:
            signature = self._decoded(self._line(_LINE_BYTES), msgspec.json.Decoder(Signature)).signature
            if not verify(self._head, signature, self.header.signer):
                raise self.refused("the signature is not of this file")
        if self._stream.read(1):
            raise self.refused("there is more than the header names")

    def _line(self, most: int) -> bytes:
        raw = self._stream.readline(most + 1)
        if len(raw) > most:
            raise self.refused(f"a line of more than {most:,} bytes", hint=_FORMAT)
        if not raw.endswith(b"\n"):
            raise self.refused("the file ends before it is whole")
        return raw

    def _decoded(self, raw: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
        try:
            return decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            reason, _, path = str(error).partition(" - at `$.")
            raise self.refused(reason[:200], path.rstrip("`")[:60], hint=_FORMAT) from error
