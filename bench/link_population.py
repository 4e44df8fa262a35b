"""Links as the population that a snapshot of the same links gives; the accounts have nothing else."""

import numpy as np

from link_world import LinkWorld
from spiritsafe.detection.population import Accounts, Content, Int, Pools, Population, Traits
from spiritsafe.model.words import link_kind

__all__ = ["population_of"]


def population_of(world: LinkWorld) -> Population:
    """Return the population of a world of links."""
    count, none = world.accounts, np.zeros(0, np.int64)
    kinds = tuple(sorted(world.links))
    parts = [world.links[family] for family in kinds]
    account = np.concatenate([part[0] for part in parts])
    starts = np.concatenate(([0], np.cumsum([len(part[0]) for part in parts])))
    value = np.concatenate([part[1] for part in parts])
    zero = np.broadcast_to(np.int64(0), account.shape)
    return Population(
        accounts=_accounts(count, world.unit),
        content=Content(none, none, none, none, none),
        pools=Pools(*[none] * 7, np.zeros((0, 0), np.float32), *[none] * 6),
        traits=Traits(
            kinds=tuple(link_kind(family) for family in kinds),
            starts=starts,
            value=value,
            account=account,
            n=zero + 1 if len(zero) < 1_000 else np.broadcast_to(np.int64(1), account.shape),
            degree=zero,  # told by the links themselves; nothing here asks the stored one
            first_us=zero,
        ),
        activity_account=none,
        activity_hour=none,
        activity_n=none,
        model_days={},
        templates=none,
        sentences=[],
        labels={},
        words={},
        released_us={},
    )


def _accounts(count: int, unit: Int) -> Accounts:
    zero = np.broadcast_to(np.int64(0), (count,))
    false = np.broadcast_to(np.bool_(False), (count,))
    return Accounts(
        ids=[f"a{number:07d}" for number in range(count)],
        organisation=[None] * count,
        unit=unit,
        verified=false,
        aged=false,
        programme=["none"] * count,
        created_us=zero,
        first_us=zero,
        last_us=zero,
        n=zero,
        output_tokens=zero,
        single_turn=zero,
        end_users=zero,
    )
