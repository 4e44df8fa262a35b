"""Errors become two lines and the contract's exit codes; nothing private and no traceback unless asked."""

import io

import pytest

from spiritsafe.cli.failures import report
from spiritsafe.model.errors import ConfigError, InputError, OutsideError, SpiritsafeError, StoreError, VaultError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SpiritsafeError("what", hint="do"), 1),
        (ConfigError("what", hint="do"), 2),
        (InputError("what", hint="do"), 2),
        (StoreError("what", hint="do"), 1),
        (VaultError("what", hint="do"), 1),
        (OutsideError("what", hint="do"), 3),
    ],
)
def test_our_errors_are_two_lines(error: SpiritsafeError, code: int) -> None:
    stream = io.StringIO()
    assert report(error, stream) == code
    assert stream.getvalue() == "error: what\nhint: do\n"


def test_an_unexpected_exception_is_one_line_without_its_message() -> None:
    stream = io.StringIO()
    assert report(KeyError("alice@example.com"), stream) == 1
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("error: KeyError: this is a bug in spiritsafe")
    assert "SPIRITSAFE_DEBUG=1" in line
    assert "alice" not in line


def test_the_traceback_is_shown_when_asked_for() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError) as caught:
        divmod(1, 0)
    assert report(caught.value, stream, debug=True) == 1
    assert stream.getvalue().startswith("Traceback")
    assert stream.getvalue().splitlines()[-1].startswith("error: ZeroDivisionError")


def test_an_interrupt_is_130() -> None:
    stream = io.StringIO()
    assert report(KeyboardInterrupt(), stream) == 130
    assert stream.getvalue().startswith("error: interrupted\n")


def test_the_operating_system_is_quoted_with_the_path() -> None:
    stream = io.StringIO()
    assert report(PermissionError(13, "Permission denied", "/out/findings.json"), stream) == 1
    assert stream.getvalue().startswith("error: /out/findings.json: Permission denied\nhint: ")


def test_names_cannot_drive_the_terminal() -> None:
    stream = io.StringIO()
    report(InputError("bad", file="logs\x1b]0;owned\x07.csv"), stream)
    assert "\x1b" not in stream.getvalue()
    assert "⟨U+001B⟩" in stream.getvalue()
