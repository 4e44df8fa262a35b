"""Bodies for exchanges: own work, lists gone through again, benchmarks, pools dealt out.

Kept apart from cohorts and campaigns because the difference that detection lives on, whose work a
body belongs to, is exactly the choice among these functions.
"""

import numpy as np
import pyarrow as pa

from spiritsafe.simulation.mixing import Ints, mix
from spiritsafe.simulation.prose import Prose, scatter
from spiritsafe.simulation.rhythm import Beats

__all__ = ["deal", "listed", "lives", "own_work"]


def lives(prose: Prose, kinds: tuple[str, ...], topics: int, authors: Ints) -> Ints:
    """Return the topics of each author's life, shape (authors, topics); the first ones matter most."""
    choice = prose.topics_of(kinds)
    draw = mix(authors[:, None], np.arange(topics)[None, :], 31) % np.uint64(len(choice))
    return np.asarray(choice[draw.astype(np.int64)])


def own_work(
    prose: Prose, rng: np.random.Generator, beats: Beats, topics: Ints, authors: Ints, extra: float, repeat: float
) -> pa.Array:
    """Return bodies by authors about their own subjects; later turns follow up on the first.

    Args:
        prose: the writer.
        rng: source of the choices.
        beats: one body each, shape (n,).
        topics: topics of each author's life, shape (members, k).
        authors: focus per member, shape (members,).
        extra: mean number of further sentences.
        repeat: share that sends an earlier body of the same account once more.
    """
    liked = np.minimum((rng.exponential(0.6, int(beats.train.max(initial=-1)) + 1)[beats.train]), 0.999)
    topic = topics[beats.member, (liked * topics.shape[1]).astype(np.int64)]
    focus = authors[beats.member]
    opens = np.flatnonzero((beats.turn == 0) | (rng.random(len(beats)) < 0.25))
    follows = np.setdiff1d(np.arange(len(beats)), opens)
    bodies = scatter(
        [
            prose.bodies(rng, topic[opens], focus[opens], extra),
            prose.sentences(rng, topic[follows], focus[follows], "ask", "followup"),
        ],
        [opens, follows],
    )
    return _again(rng, bodies, beats, repeat)


def _again(rng: np.random.Generator, bodies: pa.Array, beats: Beats, repeat: float) -> pa.Array:
    """Replace a share of the bodies by the account's body just before."""
    order = np.lexsort((beats.at, beats.member))
    before = np.arange(len(beats))
    before[order[1:]] = np.where(beats.member[order[1:]] == beats.member[order[:-1]], order[:-1], order[1:])
    source = np.where(rng.random(len(beats)) < repeat, before, np.arange(len(beats)))
    return bodies.take(pa.array(source))


def listed(
    prose: Prose, rng: np.random.Generator, beats: Beats, owner: Ints, topics: Ints, items: tuple[int, int], key: int
) -> pa.Array:
    """Return bodies from lists: each owner's list is gone through item by item, run after run.

    Args:
        prose: the writer.
        rng: source of the choices.
        beats: one body each.
        owner: list that each member works on, shape (members,).
        topics: topics of each list, shape (lists, k).
        items: smallest and largest list.
        key: makes the lists.
    """
    lists = int(owner.max(initial=-1)) + 1
    size = items[0] + (mix(key, 41, np.arange(lists)) % np.uint64(items[1] - items[0] + 1)).astype(np.int64)
    start = np.cumsum(size) - size
    which = np.repeat(np.arange(lists), size)
    topic = topics[which, rng.integers(0, topics.shape[1], len(which))]
    pool = prose.bodies(rng, topic, mix(key, 42, which).astype(np.int64), 0.8)
    mine = owner[beats.member]
    # a run goes through the list in order from where it began; loose requests pick any item
    begin = (mix(key, 43, beats.member, beats.train) % size[mine].astype(np.uint64)).astype(np.int64)
    return pool.take(pa.array(start[mine] + (begin + beats.turn) % size[mine]))


def deal(
    rng: np.random.Generator, beats: Beats, pool: pa.Array, slices: float, without: bool, members: int
) -> pa.Array:
    """Return bodies from one pool dealt to accounts as their turns come.

    Args:
        rng: source of the choices.
        beats: one body each.
        pool: the bodies, ordered by subject.
        slices: share of the exchanges that stay within the account's own slice of the pool.
        without: True deals each body once before any comes again.
        members: number of accounts.
    """
    n, size = len(beats), len(pool)
    anywhere = rng.permutation(max(n, size))[:n] % size if without else rng.integers(0, size, n)
    width = max(1, size // max(1, members))
    seat = rng.permutation(members)[beats.member]
    rank = _rank(beats.member) if without else rng.integers(0, width, n)
    inside = (seat * size // members + rank % width) % size
    return pool.take(pa.array(np.where(rng.random(n) < slices, inside, anywhere)))


def _rank(values: Ints) -> Ints:
    """Return how many equal values came before each, shape (n,)."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values)) - np.searchsorted(ranked, ranked)
    return rank
