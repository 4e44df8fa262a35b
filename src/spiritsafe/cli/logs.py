"""Log lines on stderr, as text for people or one JSON object a line for machines.

The formatter renders what a record carries in ``extra``. Values of columns that the contract calls
private are left out even if a caller passes one: a log goes further than a store.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum

from spiritsafe.cli.parser import Options, Parser
from spiritsafe.model.columns import ACCOUNTS, EXCHANGES

__all__ = ["Formatter", "LogFormat", "add_options", "configure"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PRIVATE = frozenset(column.name for table in (EXCHANGES, ACCOUNTS) for column in table.columns if column.private)
_LEVELS = ("debug", "info", "warning", "error")


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"


class Formatter(logging.Formatter):
    """Renders a record and its extra fields on one line."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line.

        >>> record = logging.makeLogRecord({"msg": "records skipped", "levelname": "WARNING", "count": 3})
        >>> Formatter(LogFormat.TEXT).format(record)
        'warning: records skipped (count=3)'
        """
        level, message = record.levelname.lower(), record.getMessage()
        extra = {k: v for k, v in vars(record).items() if k not in _OWN and k not in _PRIVATE}
        if self._form is LogFormat.JSON:
            time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
            line = {"time": time, "level": level, "logger": record.name, "message": message, **extra}
            return json.dumps(line, default=str)
        told = ", ".join(f"{name}={value}" for name, value in extra.items())
        text = f"{level}: {message} ({told})" if told else f"{level}: {message}"
        return "".join(c if c.isprintable() else " " for c in text)


class _Stderr(logging.Handler):
    """Writes to whatever ``sys.stderr`` is now: a progress bar stands in front of it while it runs."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def add_options(parser: Parser) -> None:
    """Add the options that every command has."""
    parser.add_argument("--log-level", choices=_LEVELS, default="warning", help="least level to log (warning)")
    parser.add_argument("--log-format", choices=list(LogFormat), default=LogFormat.TEXT, help="log lines on stderr")


def configure(options: Options) -> None:
    """Send spiritsafe's log records to stderr as the options say."""
    handler = _Stderr()
    handler.setFormatter(Formatter(LogFormat(options.log_format)))
    logger = logging.getLogger("spiritsafe")
    logger.handlers = [handler]
    logger.setLevel(options.log_level.upper())
    logger.propagate = False
