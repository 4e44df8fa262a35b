"""What a user installs holds everything that the code reads: templates, word lists, weights."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("spiritsafe/")}
    files = (path for path in (ROOT / "src" / "spiritsafe").rglob("*") if path.is_file())
    assert {path.relative_to(ROOT / "src").as_posix() for path in files if "__pycache__" not in path.parts} == packed
