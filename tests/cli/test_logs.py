"""Log lines: both formats, their extra fields, and what never gets into one."""

import json
import logging
from collections.abc import Iterator

import pytest

from spiritsafe.cli.logs import Formatter, LogFormat, add_options, configure
from spiritsafe.cli.parser import Parser


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("spiritsafe")
    before = logger.handlers, logger.level, logger.propagate
    yield logger.getChild("test")
    logger.handlers, logger.level, logger.propagate = before


def _configure(*words: str) -> None:
    parser = Parser("test", "", "")
    add_options(parser)
    configure(parser.parse_args(words))


def test_text_lines_carry_the_extra_fields(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    _configure()
    logger.warning("columns kept out", extra={"source": "a.csv", "count": 2})
    logger.info("not shown at this level")
    assert capsys.readouterr().err == "warning: columns kept out (source=a.csv, count=2)\n"


def test_json_lines_are_one_object_each(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    _configure("--log-format", "json", "--log-level", "info")
    logger.info("read\nall", extra={"source": "a.csv"})
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told == {"level": "info", "logger": "spiritsafe.test", "message": "read\nall", "source": "a.csv"}


@pytest.mark.parametrize("form", LogFormat)
@pytest.mark.parametrize("name", ["client_ip", "prompt", "email", "payment_fingerprint", "end_user_id"])
def test_private_columns_are_left_out(form: LogFormat, name: str) -> None:
    record = logging.makeLogRecord({"msg": "row", "levelname": "INFO", name: "192.0.2.7", "row": 3})
    line = Formatter(form).format(record)
    assert "192.0.2.7" not in line
    assert "3" in line


def test_text_lines_stay_one_line_and_cannot_drive_the_terminal() -> None:
    record = logging.makeLogRecord({"msg": "a\nb", "levelname": "INFO", "source": "\x1b[31m"})
    assert Formatter(LogFormat.TEXT).format(record) == "info: a b (source= [31m)"
