"""Bodies for exchanges: own work, lists gone through again, benchmarks, pools dealt out.

Kept apart from cohorts and campaigns because the difference that detection lives on, whose work a
body belongs to, is exactly the choice among these functions.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spiritsafe.simulation.mixing import Ints, mix, rank
from spiritsafe.simulation.prose import Prose, Use, scatter
from spiritsafe.simulation.rhythm import Beats, select

__all__ = ["Work", "answered", "benchmark", "deal", "dealt_by_group", "gather", "lists", "own_work", "pool"]


@dataclass(frozen=True, slots=True)
class Work:
    """Bodies with the topic of each; ``text`` and ``topic`` have shape (n,)."""

    text: pa.Array
    topic: Ints

    def take(self, rows: Ints) -> "Work":
        """Return the bodies at ``rows``."""
        return Work(self.text.take(pa.array(rows)), self.topic[rows])


def gather(pieces: list[Work], rows: list[Ints]) -> Work:
    """Return one work in which ``pieces[i]`` stands at ``rows[i]``; the rows partition the result."""
    if not pieces:
        return Work(pa.array([], pa.string()), np.zeros(0, np.int64))
    order = np.argsort(np.concatenate(rows), kind="stable")
    return Work(scatter([p.text for p in pieces], rows), np.concatenate([p.topic for p in pieces])[order])


def _lives(prose: Prose, kinds: tuple[str, ...], topics: int, authors: Ints, use: Use) -> Ints:
    """Return the topics of each author's life, shape (authors, topics); the first ones matter most."""
    choice = prose.topics_of(kinds, use)
    draw = mix(authors[:, None], np.arange(topics)[None, :], 31) % np.uint64(len(choice))
    return np.asarray(choice[draw.astype(np.int64)])


def own_work(
    prose: Prose,
    rng: np.random.Generator,
    beats: Beats,
    authors: Ints,
    *,
    kinds: tuple[str, ...],
    topics: int = 3,
    extra: float = 0.8,
    repeat: float = 0.03,
) -> Work:
    """Return bodies by authors about their own subjects; later turns follow up on the first.

    Args:
        prose: the writer.
        rng: source of the choices.
        beats: one body each, shape (n,).
        authors: focus per member, shape (members,).
        kinds: what they work on.
        topics: topics in a life; the first ones matter most.
        extra: mean number of further sentences.
        repeat: share that sends the account's body before once more.
    """
    life = _lives(prose, kinds, topics, authors, Use.LIFE)
    liked = np.minimum(rng.exponential(0.6, int(beats.train.max(initial=-1)) + 1)[beats.train], 0.999)
    topic = life[beats.member, (liked * topics).astype(np.int64)]
    focus = authors[beats.member]
    opening = (beats.turn == 0) | (rng.random(len(beats)) < 0.25)
    first, later = np.flatnonzero(opening), np.flatnonzero(~opening)
    text = scatter(
        [
            prose.bodies(rng, topic[first], focus[first], extra),
            prose.sentences(rng, topic[later], focus[later], "followup"),
        ],
        [first, later],
    )
    return Work(text, topic).take(_again(rng, beats, repeat))


def _again(rng: np.random.Generator, beats: Beats, repeat: float) -> Ints:
    """Return each exchange's own row, or for a share of them the row of the account's exchange before."""
    rows = np.arange(len(beats))
    order = np.lexsort((beats.at, beats.member))
    before = rows.copy()
    same = beats.member[order[1:]] == beats.member[order[:-1]]
    before[order[1:]] = np.where(same, order[:-1], order[1:])
    return np.where(rng.random(len(beats)) < repeat, before, rows)


def lists(
    prose: Prose,
    rng: np.random.Generator,
    beats: Beats,
    owner: Ints,
    *,
    kinds: tuple[str, ...],
    items: tuple[int, int],
    use: Use = Use.LIFE,
) -> Work:
    """Return bodies from lists: each owner's list is gone through item by item, run after run.

    Args:
        prose: the writer.
        rng: source of the choices.
        beats: one body each.
        owner: list that each member works on, from 0, shape (members,).
        kinds: what the lists are about.
        items: smallest and largest list.
        use: whose texts the lists hold.
    """
    key = int(rng.integers(1 << 40))
    number = np.arange(int(owner.max(initial=-1)) + 1)
    size = items[0] + (mix(key, 41, number) % np.uint64(items[1] - items[0] + 1)).astype(np.int64)
    start = np.cumsum(size) - size
    which = np.repeat(number, size)
    focus = mix(key, 42, number).astype(np.int64)
    life = _lives(prose, kinds, 4, focus, use)
    topic = life[which, rng.integers(0, 4, len(which))]
    author = None if use is Use.BENCHMARK else focus[which]
    work = Work(prose.bodies(rng, topic, author, 0.8), topic)
    mine = owner[beats.member]
    begin = (mix(key, 43, beats.member, beats.train) % size[mine].astype(np.uint64)).astype(np.int64)
    return work.take(start[mine] + (begin + beats.turn) % size[mine])


def benchmark(
    prose: Prose,
    rng: np.random.Generator,
    beats: Beats,
    authors: Ints,
    *,
    kinds: tuple[str, ...],
    items: tuple[int, int],
) -> Work:
    """Return bodies from three public lists, each account going through the one it cares about."""
    owner = (mix(authors, 52) % np.uint64(3)).astype(np.int64)
    return lists(prose, rng, beats, owner, kinds=kinds, items=items, use=Use.BENCHMARK)


def pool(prose: Prose, rng: np.random.Generator, size: int, *, kinds: tuple[str, ...], foreign: float = 0.0) -> Work:
    """Return the bodies of a distillation pool, ordered by subject.

    Args:
        prose: the writer.
        rng: source of the choices.
        size: how many.
        kinds: what they ask for.
        foreign: share that is not English.
    """
    home, abroad = (prose.topics_of(k, Use.POOL) for k in (kinds, ("chat_es", "chat_pt", "chat_zh", "chat_ru")))
    topic = np.sort(np.where(rng.random(size) < foreign, rng.choice(abroad, size), rng.choice(home, size)))
    return Work(prose.bodies(rng, topic, None, 0.8), topic)


def deal(rng: np.random.Generator, beats: Beats, bodies: Work, *, members: int, slices: float, once: bool) -> Work:
    """Return bodies from one pool as they are dealt to accounts.

    Args:
        rng: source of the choices.
        beats: one body each.
        bodies: the pool, ordered by subject.
        members: number of accounts.
        slices: share of the exchanges that stay within the account's own slice of the pool.
        once: True deals each body once before any comes again, False draws with replacement.
    """
    n, size = len(beats), len(bodies.text)
    anywhere = rng.permutation(max(n, size))[:n] % size if once else rng.integers(0, size, n)
    width = max(1, size // members)
    step = rank(beats.member) if once else rng.integers(0, width, n)
    inside = (rng.permutation(members)[beats.member] * size // members + step % width) % size
    return bodies.take(np.where(rng.random(n) < slices, inside, anywhere))


def dealt_by_group(
    prose: Prose, rng: np.random.Generator, beats: Beats, group: Ints, *, kinds: tuple[str, ...]
) -> Work:
    """Return bodies of which every group has one pool of its own, dealt to its members."""
    pieces, places = [], []
    for number in range(int(group.max(initial=-1)) + 1):
        mine = group[beats.member] == number
        bodies = pool(prose, rng, max(1, int(mine.sum())), kinds=kinds)
        pieces.append(deal(rng, select(beats, mine), bodies, members=len(group), slices=0.0, once=True))
        places.append(np.flatnonzero(mine))
    return gather(pieces, places)


def answered(prose: Prose, rng: np.random.Generator, work: Work, lead: str) -> Work:
    """Return the bodies with an answer beneath each, the same one wherever a body comes again.

    Args:
        prose: the writer.
        rng: source of the choices.
        work: questions.
        lead: words between a question and its answer.
    """
    coded = work.text.dictionary_encode()
    index = coded.indices.to_numpy()
    topic = np.zeros(len(coded.dictionary), np.int64)
    topic[index] = work.topic
    parts = [prose.sentences(rng, topic, None, "response") for _ in range(2)]
    answers = pc.binary_join_element_wise(coded.dictionary, lead, parts[0], " ", parts[1], "")
    return Work(answers.take(coded.indices), work.topic)
