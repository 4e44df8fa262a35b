"""What becomes of a record that the contract does not take: the scan ends, or it is set aside and counted.

A quarantined record is written as given, since the person who mends it needs it; so the file is
readable by its owner only, and it is the one place where raw records are kept.
"""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from spiritsafe.ingest.batch import Rejected
from spiritsafe.model.errors import StoreError

__all__ = ["Quarantine"]


class Quarantine:
    """A JSONL file (mode 0600) of rejected records: file, row, column, reason, record.

    The file is made with the first record, so that a clean scan leaves none.

    Args:
        path: where to write; an existing file is appended to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as failure:
                raise self._unwritable(failure) from failure
            finally:
                self._file = None

    def add(self, rejected: Rejected) -> None:
        """Write one record.

        Raises:
            StoreError: the file cannot be written.
        """
        line = {
            "file": rejected.file,
            "row": rejected.row,
            "column": rejected.column,
            "reason": rejected.reason,
            "record": rejected.record,
        }
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(json.dumps(line, default=str) + "\n")
        except OSError as error:
            raise self._unwritable(error) from error
        self.count += 1

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.path}: cannot write the quarantine file: {error.strerror}",
            hint="Free space or choose another output folder.",
        )

    def _open(self) -> TextIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "w", encoding="ascii")
