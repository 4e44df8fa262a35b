"""The verdict on a value that cannot be meant.

Apart from the error tree, because whoever reads the record turns it into a row that is refused or a text that is
left out; no user sees one.
"""

__all__ = ["Unfit"]


class Unfit(Exception):  # noqa: N818 - a verdict on a value, never seen outside
    """A value that its column does not take; the text ends a sentence that begins with the value."""
