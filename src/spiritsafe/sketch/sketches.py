"""`Sketches`: everything that is kept of N exchanges' texts, as a struct of arrays.

An exchange is a list of segments, each with a keyed hash and a projection of its words. Whatever comes
later - which segments are a template, the body without them, its hash and its features - is derived from
the segments, so a batch, a stream and a gateway's captured rows share one path and no text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self, TypeAlias, TypedDict, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from spiritsafe.model.words import Elicitation
from spiritsafe.sketch.capability import pick_capability
from spiritsafe.sketch.classify import ELICITATIONS, Classifier
from spiritsafe.sketch.elicitation import ELICITATION_CODES, elicitation_margin, pick_elicitation
from spiritsafe.sketch.grader import bounded_score
from spiritsafe.sketch.hashing import Purpose, derive, hash_pairs
from spiritsafe.sketch.language import pick_language
from spiritsafe.sketch.ragged import spans
from spiritsafe.sketch.scan import Scan, scan
from spiritsafe.sketch.text import as_binary, gather
from spiritsafe.sketch.weights import shipped_classifier

__all__ = ["SEGMENT_SYSTEM", "Sketches", "sketch_texts"]

SEGMENT_SYSTEM = np.uint8(1)
"""Flag of a segment that stood in the system prompt."""

Column: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[str | bytes | None]
T = TypeVar("T", bound=np.generic)
_RUBRIC = ELICITATION_CODES.index(Elicitation.RUBRIC_GRADING)


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of N exchanges with M segments in all.

    Attributes:
        instance: int64[N] keyed hash of system prompt and prompt, normalised but not masked; 0 without text.
        offsets: int32[N + 1]; exchange i owns segments offsets[i]:offsets[i + 1], the system prompt's first.
        segment_hash: int64[M] keyed hash of the masked words.
        segment_words: int32[M].
        segment_values: uint32[M] hash of the numbers and identifiers masked in the segment, 0 without any.
        segment_flags: uint8[M], see `SEGMENT_SYSTEM`.
        segment_projection: int8[M, 64].
        signature: uint32[N, 128] keyed MinHash of the prompt (of the system prompt where there is no other).
        public: uint16[N, 64] the same under a public key.
        chars: int32[N] normalised bytes of prompt and system prompt, saturating.
        language: int8[N] index into `spiritsafe.sketch.language.LANGUAGES`.
        capability: int8[N] index into `Capability`.
        elicitation: int8[N] index into `Elicitation`.
        grader: bool[N], a rubric went in and a bounded score came out.
    """

    instance: NDArray[np.int64]
    offsets: NDArray[np.int32]
    segment_hash: NDArray[np.int64]
    segment_words: NDArray[np.int32]
    segment_values: NDArray[np.uint32]
    segment_flags: NDArray[np.uint8]
    segment_projection: NDArray[np.int8]
    signature: NDArray[np.uint32]
    public: NDArray[np.uint16]
    chars: NDArray[np.int32]
    language: NDArray[np.int8]
    capability: NDArray[np.int8]
    elicitation: NDArray[np.int8]
    grader: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.instance)

    @property
    def owner(self) -> NDArray[np.int64]:
        """int64[M]: the exchange of each segment."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @classmethod
    def concat(cls, parts: Sequence["Sketches"]) -> Self:
        """Return the exchanges of all parts in order; at least one part."""
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)}
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        columns["offsets"] = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]).astype(np.int32)
        return cls(**columns)

    def take(self, rows: NDArray[np.int64]) -> "Sketches":
        """Return the exchanges at ``rows``, in that order."""
        counts = np.diff(self.offsets)[rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        segments = spans(self.offsets[:-1][rows].astype(np.int64), counts)
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        taken = {
            name: column[segments if name.startswith("segment_") else rows]
            for name, column in columns.items()
            if name != "offsets"
        }
        return Sketches(offsets=offsets.astype(np.int32), **taken)


@dataclass(frozen=True, slots=True)
class _Side:
    """One text column: what was read from its distinct texts, and which of them each exchange has."""

    read: Scan
    row: NDArray[np.int64]

    def segments(self) -> NDArray[np.int64]:
        return np.diff(self.read.offsets)[self.row]


def _read(texts: Column, key: bytes, model: Classifier) -> _Side:
    coded = pc.fill_null(as_binary(texts), b"").dictionary_encode()
    return _Side(scan(gather(coded.dictionary), key, model), np.asarray(coded.indices).astype(np.int64))


def sketch_texts(
    prompt: Column,
    system: Column,
    response: Column,
    *,
    tool_count: ArrayLike,
    image_count: ArrayLike,
    message_count: ArrayLike,
    key: bytes,
    model: Classifier | None = None,
) -> Sketches:
    """Return the sketches of N exchanges; a text that occurs several times is read once.

    Args:
        prompt: N last user messages, None where unknown; any bytes are accepted.
        system: N system prompts.
        response: N responses; only their ends are looked at, for a bounded score.
        tool_count: int[N] tools offered, 0 where unknown; likewise ``image_count`` and ``message_count``.
        image_count: images in the request.
        message_count: messages in the request.
        key: secret of any length; sketches made under two keys cannot be compared.
        model: the classifier, the shipped one by default.
    """
    model = model or shipped_classifier()
    user, head = _read(prompt, key, model), _read(system, key, model)
    scores = _scores(user, head)
    metadata = (np.asarray(count, np.int64) for count in (tool_count, image_count, message_count))
    margin = elicitation_margin(scores[:, :ELICITATIONS])
    answers = as_binary(response)
    which, alone = (user.row, head.row), user.read.instance[user.row] == 0
    silent = np.asarray(answers.is_null())
    return Sketches(
        instance=_instances(user, head, key),
        **_segments(user, head),
        signature=_signature(user.read.signature, head.read.signature, which, alone),
        public=_signature(user.read.public, head.read.public, which, alone),
        chars=np.minimum(user.read.chars[user.row] + head.read.chars[head.row], 2**31 - 1).astype(np.int32),
        language=pick_language(user.read.votes[user.row] + head.read.votes[head.row] // 4),
        capability=pick_capability(scores[:, ELICITATIONS:], *metadata),
        elicitation=pick_elicitation(scores[:, :ELICITATIONS]),
        grader=(margin[:, _RUBRIC] > 0) & (silent | bounded_score(answers)),
    )


def _scores(user: _Side, head: _Side) -> NDArray[np.float32]:
    """Combine both texts' logits: elicitation by the better, capability by the prompt and half the frame."""
    first, second = user.read.scores[user.row], head.read.scores[head.row]
    best = np.maximum(first[:, :ELICITATIONS], second[:, :ELICITATIONS])
    return np.concatenate([best, first[:, ELICITATIONS:] + second[:, ELICITATIONS:] / 2], axis=1)


def _instances(user: _Side, head: _Side, key: bytes) -> NDArray[np.int64]:
    first, second = head.read.instance[head.row], user.read.instance[user.row]
    hashed = hash_pairs(first, second, derive(key, Purpose.INSTANCE))
    return np.where((first == 0) & (second == 0), 0, hashed)


def _signature(
    user: NDArray[T], head: NDArray[T], which: tuple[NDArray[np.int64], NDArray[np.int64]], alone: NDArray[np.bool_]
) -> NDArray[T]:
    """Return the prompt's signatures, the system prompt's where it stands alone."""
    column = user[which[0]]
    column[alone] = head[which[1]][alone]
    return column


class _Segments(TypedDict):
    offsets: NDArray[np.int32]
    segment_hash: NDArray[np.int64]
    segment_words: NDArray[np.int32]
    segment_values: NDArray[np.uint32]
    segment_flags: NDArray[np.uint8]
    segment_projection: NDArray[np.int8]


def _segments(user: _Side, head: _Side) -> _Segments:
    """Lay the system prompt's segments before the prompt's, exchange by exchange."""
    first, second = head.segments(), user.segments()
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(first + second)])
    from_head, from_user = spans(offsets[:-1], first), spans(offsets[:-1] + first, second)
    head_source = spans(head.read.offsets[head.row], first)
    user_source = spans(user.read.offsets[user.row], second)

    def lay(ours: NDArray[T], theirs: NDArray[T]) -> NDArray[T]:
        column = np.empty((offsets[-1], *ours.shape[1:]), ours.dtype)
        column[from_head], column[from_user] = ours[head_source], theirs[user_source]
        return column

    flags = np.zeros(offsets[-1], np.uint8)
    flags[from_head] = SEGMENT_SYSTEM
    return _Segments(
        offsets=offsets.astype(np.int32),
        segment_hash=lay(head.read.segment_hash, user.read.segment_hash).view(np.int64),
        segment_words=lay(head.read.segment_words, user.read.segment_words),
        segment_values=lay(head.read.segment_values, user.read.segment_values),
        segment_flags=flags,
        segment_projection=lay(head.read.segment_projection, user.read.segment_projection),
    )
