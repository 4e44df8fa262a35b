"""One target's process: instruments our modules, feeds libFuzzer and ends with it.

    python -m fuzzing.child TARGET CORPUS CRASHES [libFuzzer options]

Kernels are not instrumented, numba cannot compile what atheris makes of them; they run with bounds checks.
"""

import hashlib
import importlib.util
import logging
import sys
import tempfile
from pathlib import Path

import atheris


def _kernels() -> list[str]:
    """Names of our modules that numba compiles parts of, told by what they import."""
    spec = importlib.util.find_spec("spiritsafe")
    root = Path((spec.submodule_search_locations or [])[0] if spec else "")
    found = [file for file in root.rglob("*.py") if _is_compiled(file.read_text("utf-8"))]
    return [".".join(file.relative_to(root.parent).with_suffix("").parts) for file in found]


def _is_compiled(text: str) -> bool:
    return "import numba" in text or "spiritsafe.model.kernel import" in text


def main() -> None:
    """Seed the corpus and fuzz; libFuzzer ends the process."""
    with atheris.instrument_imports(include=["spiritsafe"], exclude=_kernels()):
        from fuzzing.targets import targets  # noqa: PLC0415 - what is imported here is instrumented
    logging.disable()
    name, corpus, prefix, *options = sys.argv[1:]
    memory = Path("/dev/shm")  # noqa: S108 - a folder in memory, made unique below
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None))
    target = targets(scratch)[name]
    for number, seed in enumerate(target.seeds()):
        target.run(seed)
        Path(corpus, f"seed-{number}").write_bytes(seed)

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            # libFuzzer keeps what kills the process; what raises it does not always keep
            Path(f"{prefix}crash-{hashlib.blake2b(data, digest_size=8).hexdigest()}").write_bytes(data)
            raise

    atheris.Setup([sys.argv[0], corpus, *options], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
