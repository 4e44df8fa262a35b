"""What a Parquet file's pages claim, read before anything is decoded: a few hundred bytes may claim gigabytes.

The footer is no help: it is written by whoever wrote the file, and the decoder believes each page's own header
and takes the room that it names. So the headers are walked here, with a small parser of our own, and a page that
claims more than the limits or than the file holds is refused. Source: the Apache Parquet format's ``PageHeader``
in Thrift's compact protocol, https://github.com/apache/parquet-format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from spiritsafe.ingest.batch import Limits

__all__ = ["Chunk", "PageError", "Struct", "chunks", "footer", "texts"]

_PEEK, _LONGEST_HEADER = 1 << 12, 1 << 24
_DICTIONARY_PAGE = 2
_DELTA_BYTE_ARRAY, _BY_DICTIONARY = 7, frozenset({2, 8})
_FIXED_WIDTH, _BYTE_ARRAY = frozenset({0, 1, 2, 3, 4, 5}), 6
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_DEEPEST = 8


class PageError(ValueError):
    """A page header that is damaged, or that claims more than there is or may be."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column of one row group.

    Attributes:
        column: its path; fields of nested columns are apart by dots.
        rows: values that its pages claim, nulls included.
        mean: bytes per row on average.
        page: the largest page's bytes, decoded.
        held: what a decoder holds of it at a time: that page and its dictionary.
        dictionary: the dictionary page's bytes, decoded; 0 if no page refers to it or its values are of few bytes each.
        prefixed: whether values are spelt as additions to their predecessors.
    """

    column: str
    rows: int
    mean: int
    page: int
    held: int
    dictionary: int
    prefixed: bool


Struct = dict[int, object]


def footer(file: BinaryIO, size: int) -> list[Struct]:
    """Return the row groups, as the footer describes them.

    Read here because Arrow's own view of a chunk ends the process where a footer contradicts itself.

    Raises:
        PageError: it is damaged.
    """
    file.seek(max(size - 8, 0))
    length = int.from_bytes(file.read(8)[:4], "little")
    file.seek(max(size - 8 - length, 0))
    try:
        whole = _Thrift(file.read(length)).struct()
    except IndexError:
        raise PageError("the footer is damaged") from None
    return _structs(whole, 4)


def chunks(file: BinaryIO, size: int, group: Struct, names: set[str], limits: Limits) -> list[Chunk]:
    """Return what the pages of a row group's columns claim.

    Args:
        file: the whole file.
        size: its bytes.
        group: the row group's part of the footer.
        names: the columns that will be read.
        limits: bounds of a page.

    Raises:
        PageError: a page claims too much, or a header cannot be read.
    """
    total = _number(group, 3)
    columns = [_struct(chunk, 3) for chunk in _structs(group, 1)]
    found = [_chunk(file, size, column, limits, total) for column in columns if _is_within(_path(column), names)]
    held = sum(chunk.held for chunk in found)
    if held > limits.pages_bytes:
        raise PageError(f"pages of a row group claim {held} bytes, and at most {limits.pages_bytes} are read at a time")
    return found


def texts(groups: list[Struct]) -> dict[str, tuple[int, int]]:
    """Return of each column of texts or bytes how many bytes, decoded, and how many values the footer claims."""
    totals: dict[str, tuple[int, int]] = {}
    for group in groups:
        for column in (_struct(chunk, 3) for chunk in _structs(group, 1)):
            if column.get(1) == _BYTE_ARRAY:
                size, values = totals.get(_path(column), (0, 0))
                totals[_path(column)] = size + _number(column, 6), values + _number(column, 5)
    return totals


def _is_within(path: str, names: set[str]) -> bool:
    """Tell whether a path leads to one of the columns or into one; a column's own name may hold dots."""
    steps = path.split(".")
    return any(".".join(steps[:end]) in names for end in range(1, len(steps) + 1))


def _path(column: Struct) -> str:
    steps = column.get(3)
    known = [step for step in steps if isinstance(step, bytes)] if isinstance(steps, list) else []
    return b".".join(known).decode("utf-8", "replace")


def _structs(struct: Struct, field: int) -> list[Struct]:
    found = struct.get(field)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _struct(struct: Struct, field: int) -> Struct:
    found = struct.get(field)
    if not isinstance(found, dict):
        raise PageError("the footer is damaged")
    return found


def _chunk(file: BinaryIO, size: int, column: Struct, limits: Limits, total: int) -> Chunk:
    rows = decoded = largest = dictionary = 0
    by_dictionary = prefixed = False
    for header in _pages(file, size, column):
        room = _number(header, 2)
        if room > limits.page_bytes:
            raise PageError(f"a page claims {room} bytes, and at most {limits.page_bytes} are read")
        if _number(header, 1) == _DICTIONARY_PAGE:
            dictionary = max(dictionary, room)
            continue
        details = header.get(5) or header.get(8) or {}
        if not isinstance(details, dict):
            raise PageError("a page header is damaged")
        encoding = _number(details, 2 if 5 in header else 4)
        by_dictionary |= encoding in _BY_DICTIONARY
        prefixed |= encoding == _DELTA_BYTE_ARRAY
        rows, decoded, largest = rows + _number(details, 1), decoded + room, max(largest, room)
    held = largest + dictionary
    if column.get(1) in _FIXED_WIDTH or not by_dictionary:
        dictionary = 0
    return Chunk(_path(column), rows, decoded // max(min(rows, total), 1), largest, held, dictionary, prefixed)


def _pages(file: BinaryIO, size: int, column: Struct) -> Iterator[dict[int, object]]:
    """Yield the page headers of a chunk until they account for all of its values."""
    at = _number(column, 9)
    dictionary = column.get(11)
    if isinstance(dictionary, int) and 0 < dictionary < at:
        at = dictionary
    left = _number(column, 5)
    while left > 0:
        header, length = _header(file, at, size)
        content = _number(header, 3)
        at += length + content
        if at > size:
            raise PageError(f"a page claims {content} bytes, and the file ends before them")
        details = header.get(5) or header.get(8)
        if isinstance(details, dict):
            left -= max(_number(details, 1), 0)
        yield header


def _header(file: BinaryIO, at: int, size: int) -> tuple[dict[int, object], int]:
    """Return the page header at a position and how long it is."""
    room = _PEEK
    while True:
        file.seek(at)
        data = file.read(room)
        parser = _Thrift(data)
        try:
            return parser.struct(), parser.at
        except IndexError:
            if room > _LONGEST_HEADER or at + room >= size:
                raise PageError("a page header is damaged or cut off") from None
            room *= 8


def _number(struct: dict[int, object], field: int) -> int:
    value = struct.get(field)
    if not isinstance(value, int) or value < 0:
        raise PageError("a page header is damaged")
    return value


class _Thrift:
    """Reads a struct of Thrift's compact protocol; an IndexError means that more bytes are needed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, object]:
        """Return fields by number."""
        if depth > _DEEPEST:
            raise PageError("a page header is nested too deeply")
        fields: dict[int, object] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> object:
        if kind in {4, 5, 6}:
            return self._zigzag()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in {_BYTE, _TRUE, _FALSE}:
            return self._byte()
        if kind in {_BINARY, _DOUBLE}:
            begin = self._skip(8 if kind == _DOUBLE else self._varint())
            return self._data[begin : self.at]
        if kind in {_LIST, _SET}:
            head = self._byte()
            count = self._varint() if head >> 4 == 15 else head >> 4
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        raise PageError("a page header is damaged")

    def _skip(self, length: int) -> int:
        """Pass over some bytes; return where they began."""
        self.at += length
        if self.at > len(self._data):
            raise IndexError
        return self.at - length

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise PageError("a page header is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
