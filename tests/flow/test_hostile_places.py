"""Paths that are no logs, stores and outputs that cannot be written, files that change, disks that fill, signals."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from spiritsafe.engine.store import Store
from spiritsafe.model.errors import InputError
from spiritsafe.model.settings import IngestSettings, Settings
from spiritsafe.pipeline.scan import ScanRequest, scan
from tests.flow.hostile import Shell, exchange, lines

GOOD = lines(exchange(1), exchange(2))


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def _dangling(folder: Path) -> Path:
    (folder / "dangling").symlink_to("nowhere")
    return folder / "dangling"


def _hollow(folder: Path) -> Path:
    (folder / "hollow").mkdir()
    (folder / "hollow" / "_SUCCESS").touch()
    return folder / "hollow"


def _with_fifo(folder: Path) -> Path:
    (folder / "mixed").mkdir()
    (folder / "mixed" / "a.jsonl").write_bytes(GOOD)
    return _fifo(folder / "mixed").parent


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda folder: folder / "none", "does not exist"),
    "fifo": (_fifo, "is not a regular file"),
    "device": (lambda _: "/dev/zero", "is not a regular file"),
    "circle": (_loop, ""),
    "dangling": (_dangling, "does not exist"),
    "empty folder": (_hollow, "the folder holds no log files"),
    "folder with a fifo": (_with_fifo, "is not a regular file"),
    "empty glob": (lambda folder: folder / "*.none", "the glob matches nothing"),
    "long name": (lambda folder: folder / ("x" * 3000), "cannot be looked for"),
    "escape sequence": (lambda folder: folder / "\x1b[31m\u202e\x9b", ""),
    "not text": (lambda folder: os.fsdecode(os.fsencode(folder) + b"/\xff"), "does not exist"),
    "NUL": (lambda folder: f"{folder}/a\0b", ""),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_place_without_logs_is_refused(shell: Shell, name: str) -> None:
    make, says = PLACES[name]
    shell.refuse(make(shell.folder), says=says, place=str(shell.folder) if name != "device" else "/dev/zero")


def test_circles_of_links_end(shell: Shell) -> None:
    logs = shell.folder / "logs"
    names = [f"f{n}" for n in range(9)]
    for name in names:
        (logs / name).mkdir(parents=True)
        for other in names:
            (logs / name / f"to-{other}").symlink_to(logs / other)
    (logs / "self").symlink_to(".")
    (logs / "f3" / "a.jsonl").write_bytes(GOOD)
    for words in (logs, logs / "**" / "*.jsonl"):
        shown = shell.scan(words, options=("--json",))
        assert shown.code == 0
        assert json.loads(shown.out)["scanned"]["exchanges"] == 2


def test_a_folder_may_be_very_deep(shell: Shell) -> None:
    deep = shell.folder / "logs"
    deep.mkdir()
    before = Path.cwd()
    os.chdir(deep)  # no path can be that long, but steps can
    for _ in range(1_200):
        Path("d").mkdir()
        os.chdir("d")
    Path("a.jsonl").write_bytes(GOOD)
    os.chdir(before)
    try:
        assert shell.scan(deep).code == 0
    finally:
        subprocess.run(["rm", "-rf", str(deep)], check=True)  # what Python removes by recursion, pytest could not


def test_a_name_that_is_no_text_is_read(shell: Shell) -> None:
    log = Path(os.fsdecode(os.fsencode(shell.folder) + b"/\xff\x1b[31m.jsonl"))
    log.write_bytes(GOOD + b"{\n")
    assert shell.scan(log, options=("--on-error", "quarantine")).code == 0
    assert [item["row"] for item in shell.quarantine] == [3]


@pytest.fixture
def mortal() -> Iterator[Path]:
    """A folder open to everybody, and nobody's rights if the tests run as root, who may read and write anything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(stat.S_IRWXU)


def test_what_may_not_be_read_is_refused(mortal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(mortal, capsys)
    log, folder = mortal / "log.jsonl", mortal / "logs"
    log.write_bytes(GOOD)
    folder.mkdir()
    log.chmod(0)
    folder.chmod(0)
    for place in (log, folder):
        shell.refused(shell.call("scan", place, "--out", mortal / "out"), "Permission denied", str(place))


def test_what_may_not_be_written_is_a_failure(mortal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(mortal, capsys)
    log, closed = mortal / "log.jsonl", mortal / "closed"
    log.write_bytes(GOOD)
    closed.mkdir(0o555)
    words = ("scan", log, "--out", mortal / "out", "--store")
    shell.refused(shell.call(*words, closed), "Permission denied", str(closed), code=1)
    shell.refused(shell.call(*words, closed / "store"), "Permission denied", str(closed), code=1)
    shell.refused(shell.call("scan", log, "--out", closed / "out"), "Permission denied", str(closed), code=1)


def test_a_store_that_may_only_be_read_is_a_failure_and_stays(mortal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(mortal, capsys)
    log = mortal / "log.jsonl"
    log.write_bytes(GOOD)
    assert shell.scan(log).code == 0
    shell.findings.unlink()
    store = mortal / "store"
    for path in [*store.rglob("*"), store]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    log.write_bytes(lines(exchange(3)))
    shown = shell.scan(log)
    shell.refused(shown, "", str(store), code=1)
    with Store.open(store, read_only=True) as kept:
        assert kept.read("seen").num_rows == 2


def test_files_where_folders_belong_are_a_failure(shell: Shell) -> None:
    log = shell.folder / "log.jsonl"
    log.write_bytes(GOOD)
    for words in (("--store", log), ("--store", log / "x"), ("--out", log / "x"), ("--out", log)):
        shown = shell.call("scan", log, "--out", shell.folder / "out", *words)
        shell.refused(shown, "", str(log), code=1)
    assert log.read_bytes() == GOOD


def test_a_full_device_is_a_failure(shell: Shell) -> None:
    links = shell.folder / "links.csv"
    links.write_text("account_id,family,value\na,payment,x\n")
    shell.refused(shell.call("link", links, "--out", "/dev/full"), "No space left on device", "/dev/full", code=1)


def _grow(log: Path) -> None:
    with log.open("ab") as file:
        file.write(lines(exchange(9_999)))


def _shrink(log: Path) -> None:
    os.truncate(log, 100)


def _replace(log: Path) -> None:
    fresh = log.with_name("fresh")
    fresh.write_bytes(log.read_bytes())
    fresh.replace(log)


@pytest.mark.parametrize("change", [_grow, _shrink, _replace, Path.unlink], ids=["grow", "shrink", "replace", "vanish"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(lines(*(exchange(n) for n in range(3_000))))
    changed: list[int] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "reading exchanges" and not changed:
            changed.append(done)
            change(log)

    request = ScanRequest([log], store=tmp_path / "store", out=tmp_path / "out")
    with pytest.raises(InputError, match=str(log)):
        scan(request, Settings(ingest=IngestSettings(batch_rows=1_000)), progress)
    assert changed
    assert not (tmp_path / "out" / "findings.json").exists()
    with Store.open(tmp_path / "store") as store:
        assert store.files() == []
        assert store.read("seen").num_rows == 0


def _child(*words: object, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "spiritsafe", *map(str, words)]
    # tests that run in the background of a shell have interrupts ignored, and so would their children
    options |= {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


_FULL = """
import resource, signal, sys
from spiritsafe.cli.main import main
small, world, folder = sys.argv[1:]
main(["scan", small, "--out", folder + "/warm"])  # kernels are compiled while there is room for their cache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
sys.stderr.write("-- full\\n")
sys.exit(main(["scan", world, "--store", folder + "/store", "--out", folder + "/out"]))
"""


def test_a_full_disk_is_one_message_and_the_store_opens(world: Path, tmp_path: Path) -> None:
    """No file may grow beyond some kilobytes: the kernel refuses each write as a full disk does."""
    small = tmp_path / "small.jsonl"
    small.write_bytes(lines(exchange(1, prompt="Hello there"), exchange(2)))
    words = [sys.executable, "-c", _FULL, str(small), str(world), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    _, _, err = done.stderr.partition("-- full\n")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in err
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert str(tmp_path / "store") in error
    assert not (tmp_path / "out" / "findings.json").exists()
    with Store.open(tmp_path / "store") as kept:
        kept.read("seen")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_a_stopped_scan_says_so_and_the_store_opens(world: Path, tmp_path: Path, number: signal.Signals) -> None:
    store = tmp_path / "store"
    with _child("scan", world, "--store", store, "--out", tmp_path / "out") as running:
        while not list(store.glob("segments/*/*")):
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(number)
        out, err = running.communicate()
    assert running.returncode == 128 + number
    assert "Traceback" not in err
    assert not out
    assert not (tmp_path / "out" / "findings.json").exists()
    with Store.open(store) as kept:
        assert kept.read("activity").num_rows == 0 or kept.files()
        assert not list(store.glob("segments/*/.*"))
