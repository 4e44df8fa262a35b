"""Each method says what its authors say on a log in which one account does what they look for."""

import numpy as np
import pyarrow as pa
import pytest

from peers import distances, forest, honeypot, log, texts, windows

DAY = 86_400


def entries(sent: dict[str, list[tuple[float, str]]]) -> log.Log:
    rows = [(name, at, prompt) for name, asked in sent.items() for at, prompt in asked]
    table = pa.table(
        {
            "exchange_id": [f"e{n}" for n in range(len(rows))],
            "account_id": [row[0] for row in rows],
            "started_at": pa.array([int(row[1] * 1e6) for row in rows], pa.timestamp("us", "UTC")),
            "prompt": [row[2] for row in rows],
            "system_prompt": pa.array([None] * len(rows), pa.string()),
            "input_tokens": [len(row[2]) for row in rows],
            "output_tokens": [100] * len(rows),
            "message_count": [1] * len(rows),
            "client_ip": ["192.0.2.1"] * len(rows),
            "model": ["m"] * len(rows),
            "user_agent": ["u"] * len(rows),
        }
    )
    return log.read(table, list(sent))


def test_a_log_is_read_account_by_account_in_order_of_time() -> None:
    told = entries({"a": [(20.0, "later"), (10.0, "first")], "silent": [], "b": [(5.0, "other")]})
    assert told.prompt == ["first", "later", "other"]
    assert [told.of(account) for account in range(3)] == [slice(0, 2), slice(2, 2), slice(2, 3)]


def test_honeypot_flags_who_asks_for_the_same_at_once_and_forgets_nobody_by_the_wall_clock() -> None:
    hammering = [(float(n), f"solve the equation number {n} step by step please") for n in range(120)]
    calm = [(DAY * n / 3, text) for n, text in enumerate(("good morning", "what is a still", "thanks", "bye now"))]
    scores = honeypot.scores(entries({"bot": hammering, "person": calm}))
    assert scores[0] >= honeypot.THRESHOLD > scores[1] == 0.0


def test_prada_finds_distances_of_two_kinds_less_normal_than_natural_ones() -> None:
    rng = np.random.default_rng(0)
    natural = rng.normal(size=(150, 24))
    made = np.repeat(rng.normal(size=(75, 24)), 2, axis=0) + rng.normal(scale=1e-3, size=(150, 24))
    points = np.concatenate([p / np.linalg.norm(p, axis=1, keepdims=True) for p in (natural, made)]).astype(np.float32)
    told = entries({"natural": [(float(n), "x") for n in range(150)], "made": [(float(n), "x") for n in range(150)]})
    scores, alarm = distances.scores(told, points)
    assert alarm.tolist() == [False, True]
    assert scores[1] > scores[0]


def test_prada_is_silent_about_who_asks_too_little() -> None:
    told = entries({"few": [(float(n), "x") for n in range(10)]})
    scores, alarm = distances.scores(told, np.eye(10, dtype=np.float32))
    assert (scores.tolist(), alarm.tolist()) == ([0.0], [False])


def test_mmd_is_zero_for_the_same_and_positive_for_another_distribution() -> None:
    rng = np.random.default_rng(1)

    def draw(centre: float) -> log.Points:
        return (rng.normal(size=(600, 8)) + centre).astype(np.float32)

    statistic = windows.Discrepancy.from_points(draw(0.0), seed=1)
    same, other = statistic.of(draw(0.0)), statistic.of(draw(0.7))
    assert abs(same) < 0.01 < 0.05 < other
    assert statistic.of_account(draw(0.7)[:1]) == 0.0


def test_mmd_equals_its_definition() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(7, 3)).astype(np.float32), rng.normal(size=(9, 3)).astype(np.float32)
    statistic = windows.Discrepancy.from_points(y, seed=0)
    widths = [statistic.width / 4**k for k in range(4)]

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([np.exp(-((a - b) ** 2).sum() / (2 * w)) for w in widths]))

    z = statistic.reference
    within = [np.mean([kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]) for s in (x, z)]
    across = np.mean([kernel(a, b) for a in x for b in z])
    assert statistic.of(x) == pytest.approx(within[0] + within[1] - 2 * across, abs=1e-5)


def test_a_forest_sets_the_odd_one_apart() -> None:
    rng = np.random.default_rng(3)
    sent = {f"p{n}": [(float(t), f"question {t:.0f}") for t in sorted(rng.uniform(0, 8 * DAY, 20))] for n in range(60)}
    sent["odd"] = [(n * 7.0, "the very same words") for n in range(400)]
    told = entries(sent)
    scores, _ = forest.scores(told, texts.embed(told.prompt, 1), 1)
    assert int(scores.argmax()) == 60
