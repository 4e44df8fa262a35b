"""The words of sentences that enough organisations have sent, told in the row where they become nobody's secret.

A sketch has no words, yet a person has to be able to read what a group asked. So the gateway counts whose sentences
recur, as a scan of texts does, and tells a sentence once the same number of organisations have sent it; the scan counts
again and keeps no words before its own count is reached. Whether a sentence is a template's, only the scan can say, and
perhaps not yet: it is told again whenever it has been seen twice as often. The count is this process's, and bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spiritsafe.gateway.capture.exchange import Captured
from spiritsafe.gateway.capture.mend import text
from spiritsafe.sketch.excerpt import excerpts, exemplar, write_exemplars
from spiritsafe.sketch.sketches import Sketches

__all__ = ["Exemplars"]

_MOST = 100_000
"""Sentences that are counted, some 30 MB; beyond it, those that one sender alone has sent are forgotten."""
_SEARCHED = 20_000
"""Characters of a text that are searched for a sentence."""


@dataclass(slots=True)
class _Sentence:
    """A sentence's count, and who has sent it until that is enough."""

    seen: int = 0
    senders: set[int] = field(default_factory=set)
    public: bool = False


class Exemplars:
    """Counts sentences.

    Args:
        organisations: how many must have sent one.
        key: under which texts are hashed.
    """

    def __init__(self, organisations: int, key: bytes) -> None:
        self._least, self._key = organisations, key
        self._sentences: dict[int, _Sentence] = {}

    def told(self, batch: Sequence[Captured], sketches: Sketches) -> dict[int, str]:
        """Return what is told of sentences, by the position of the exchange that tells it.

        Args:
            batch: the exchanges.
            sketches: of them, under the same key.
        """
        due: dict[int, set[int]] = {}
        for row, sentence in zip(sketches.owner.tolist(), sketches.segment_hash.tolist(), strict=True):
            if self._is_due(sentence, batch[row]):
                due.setdefault(row, set()).add(sentence)
        if len(self._sentences) > _MOST:
            self._forget()
        found = {row: self._words(batch[row], wanted) for row, wanted in due.items()}
        return {row: write_exemplars(words) for row, words in found.items() if words}

    def _is_due(self, sentence: int, exchange: Captured) -> bool:
        known = self._sentences.setdefault(sentence, _Sentence())
        known.seen += 1
        if known.public:
            return known.seen & (known.seen - 1) == 0
        known.senders.add(hash(exchange.organization_id or exchange.account_id))
        known.public = len(known.senders) >= self._least
        if known.public:
            known.senders.clear()
        return known.public

    def _words(self, exchange: Captured, wanted: set[int]) -> dict[int, str]:
        said: dict[int, str] = {}
        for words in (exchange.system_prompt, exchange.prompt):
            said |= dict(reversed(excerpts((text(words) or "")[:_SEARCHED], self._key)))
        return {sentence: kept for sentence in wanted if (kept := exemplar(said.get(sentence, "")))}

    def _forget(self) -> None:
        kept = {key: known for key, known in self._sentences.items() if known.public or len(known.senders) > 1}
        self._sentences = kept if len(kept) <= _MOST // 2 else {}
