"""One world: simulate it, scan it into a fresh temporary store, compare with the labels, forget it.

Only the outcome stays, together with digests of the code and of what was asked, so that an outcome of
another state of the code is never taken for one of this.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

import spiritsafe
from spiritsafe.model.settings import load_settings
from spiritsafe.pipeline.scan import ScanRequest, scan
from spiritsafe.simulation.evaluation import Evaluation, evaluate
from spiritsafe.simulation.worlds import World, WorldSpec, build, write

__all__ = ["Outcome", "Trial", "active", "code_digest", "identity", "undertake", "written"]

_LEAKED = ["account_id", "started_at", "output_tokens"]


@dataclass(frozen=True)
class Trial:
    """One world to build and what it stands for.

    Attributes:
        experiment: the experiment that it belongs to.
        name: file name of its outcome, unique within the experiment.
        spec: the world.
        factors: what its campaigns stand for, by campaign name; the key '' holds for the whole world.
        one_fingerprint: True if every exchange is to carry the same client and TLS fingerprint.
    """

    experiment: str
    name: str
    spec: WorldSpec
    factors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    one_fingerprint: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial came to.

    Attributes:
        identity: digest of what was asked, settings included.
        code: digest of the code that answered.
        factors: as in the trial.
        exchanges: rows of the world.
        accounts: accounts of the world.
        simulate_s: wall seconds that the world took.
        scan_s: wall seconds that the scan took; other trials may have run beside it.
        evaluation: the findings against the labels, silent honest accounts left out.
    """

    experiment: str
    name: str
    seed: int
    identity: str
    code: str
    factors: dict[str, dict[str, str]]
    exchanges: int
    accounts: int
    simulate_s: float
    scan_s: float
    evaluation: Evaluation


def code_digest(room: str = "") -> str:
    """Return 12 hex digits over all that decides an outcome: the package without its command line.

    Args:
        room: count this room only.
    """
    root = Path(spiritsafe.__file__).parent
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted((root / room).rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and "__pycache__" not in inside.parts and inside.parts[0] != "cli":
            digest.update(f"{inside}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def identity(trial: Trial) -> str:
    """Return 12 hex digits over the world that was asked for and the settings that it is scanned with."""
    spec = replace(trial.spec, data=None)
    asked = (spec, trial.spec.data is not None, trial.one_fingerprint, trial.factors, load_settings().digest())
    return hashlib.blake2b(repr(asked).encode(), digest_size=6).hexdigest()


def undertake(trial: Trial, folder: Path, code: str) -> Outcome:
    """Build, scan and evaluate one world; ``folder`` holds it meanwhile."""
    with TemporaryDirectory(dir=folder, prefix="world-") as scratch:
        place = Path(scratch)
        begun = perf_counter()
        world = written(trial, place / "world")
        built = perf_counter()
        request = ScanRequest(logs=[place / "world"], out=place / "out")
        result = scan(request, load_settings(), lambda *_: None)
        ended = perf_counter()
    findings = msgspec.to_builtins(result.findings)
    return Outcome(
        experiment=trial.experiment,
        name=trial.name,
        seed=trial.spec.seed,
        identity=identity(trial),
        code=code,
        factors={campaign: dict(values) for campaign, values in trial.factors.items()},
        exchanges=world.exchanges.num_rows,
        accounts=world.accounts.num_rows,
        simulate_s=round(built - begun, 2),
        scan_s=round(ended - built, 2),
        evaluation=evaluate(findings, active(world), world.exchanges),
    )


def written(trial: Trial, folder: Path) -> World:
    """Write the world and return it with only those columns of its exchanges that evaluation asks for."""
    world = build(trial.spec)
    if trial.one_fingerprint:
        world = replace(world, exchanges=_alike(world.exchanges))
    write(world, folder)
    return replace(world, exchanges=world.exchanges.select(_LEAKED))


def active(world: World) -> pa.Table:
    """Return the labels without the honest accounts that sent nothing: nobody could have named those."""
    sent = pc.is_in(world.labels["account_id"], value_set=pc.unique(world.exchanges["account_id"]))
    return world.labels.filter(pc.or_(sent, pc.is_valid(world.labels["campaign"])))


def _alike(exchanges: pa.Table) -> pa.Table:
    for name in ("user_agent", "ja4"):
        column = exchanges[name]
        commonest = column.value_counts().sort(by="counts", order="descending")[0]["values"]
        same = pa.repeat(commonest, len(column))
        exchanges = exchanges.set_column(exchanges.column_names.index(name), name, same)
    return exchanges
