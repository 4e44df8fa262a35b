"""What of a stream goes on to the client: every event as it came, but for what is withheld or was not asked for."""

from spiritsafe.gateway.proxy.routes import Dialect
from spiritsafe.gateway.proxy.sse import Events, data_of
from spiritsafe.gateway.proxy.tape import Tape
from spiritsafe.gateway.proxy.withhold import withhold_event

__all__ = ["Passing"]

_COUNTED = b'"usage"'


class Passing:
    """The events of one stream on their way.

    Args:
        dialect: of the stream.
        drop_counts: the count of tokens at its end is ours, the client did not ask for it.

    Attributes:
        cut: events from which something was withheld.
    """

    def __init__(self, dialect: Dialect, *, drop_counts: bool) -> None:
        self._events = Events()
        self._dialect, self._drop_counts = dialect, drop_counts
        self.cut = 0

    def feed(self, chunk: bytes, *, withheld: bool, tape: Tape) -> bytes:
        """Return what goes on of the events that a chunk completes; the tape gets all of them as they came.

        Raises:
            Problem: 502 for an event that does not end.
        """
        events = self._events.feed(chunk)
        if not events:
            return b""
        whole = events[0] if len(events) == 1 else b"".join(events)
        tape.add(whole)
        if not withheld and not (self._drop_counts and _COUNTED in whole):
            return whole
        return b"".join([self._passed(event, withheld=withheld) for event in events])

    def rest(self, *, withheld: bool, tape: Tape) -> bytes:
        """Return what goes on of an event that the stream's end cut off."""
        rest = self._events.rest()
        tape.add(rest)
        return self._passed(rest, withheld=withheld) if rest else b""

    def _passed(self, event: bytes, *, withheld: bool) -> bytes:
        if self._drop_counts and _COUNTED in event and _is_count(event):
            return b""
        if not withheld:
            return event
        shown = withhold_event(self._dialect, event)
        self.cut += shown is not event
        return shown


def _is_count(event: bytes) -> bool:
    """Return whether an event holds no choice, as the one does that a client asks for by ``include_usage``."""
    compact = data_of(event).replace(b" ", b"")
    return b'"choices":[]' in compact and b'"usage":{' in compact
