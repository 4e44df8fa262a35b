"""Fits the linear classifier to sentences of the grammars: one logistic regression per class."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from elicitation.grammar import CAPABILITY_FILE, Family, families, languages
from elicitation.segments import matrix
from spiritsafe.model.words import Capability, Elicitation
from spiritsafe.sketch.classify import BUCKETS, CLASSES, ELICITATIONS, Classifier

SAMPLES = 40
NEGATIVE_WEIGHT = 3.0
"""An honest sentence called elicitation costs more than one missed."""
L2 = 3e-5


def all_families() -> list[Family]:
    """Return the families of every language and of the capabilities."""
    return [f for name in (*languages(), CAPABILITY_FILE) for f in families(name)]


def draw(found: Sequence[Family], seed: int) -> tuple[list[str], NDArray[np.int64]]:
    """Return sentences and the family of each."""
    rng = Random(seed)
    sampled = [family.samples(rng, SAMPLES) for family in found]
    owner = np.repeat(np.arange(len(found)), [len(texts) for texts in sampled])
    return [text for texts in sampled for text in texts], owner


def fit(x: sparse.csr_matrix, y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[features + 1] of a weighted logistic regression, the bias (not shrunk) last."""
    weight = weight / weight.sum()

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = x @ w[:-1] + w[-1]
        value = weight @ (np.logaddexp(0, z) - y * z) + L2 / 2 * w[:-1] @ w[:-1]
        slope = weight * (1 / (1 + np.exp(-z)) - y)
        return float(value), np.append(x.T @ slope + L2 * w[:-1], slope.sum())

    start = np.zeros(x.shape[1] + 1)
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def train(found: Sequence[Family]) -> Classifier:
    """Return the classifier fitted to the families; each weighs the same."""
    texts, owner = draw(found, 1)
    x, text = matrix(texts)
    family = owner[text]
    weight = 1 / np.bincount(family)[family]
    label = np.array([f.label for f in found])[family]
    skilled = np.array([f.language == CAPABILITY_FILE for f in found])[family]
    columns = np.zeros((BUCKETS + 1, CLASSES))
    for i, kind in enumerate(Elicitation):
        if kind is not Elicitation.NONE:
            y = (label == kind.value).astype(np.float64)
            columns[:, i] = fit(x, y, weight * np.where(y, 1, NEGATIVE_WEIGHT))
    for i, capability in enumerate(Capability, ELICITATIONS):
        y = (label[skilled] == capability.value).astype(np.float64)
        columns[:, i] = fit(x[skilled], y, weight[skilled])
    return quantise(columns)


def quantise(columns: NDArray[np.float64]) -> Classifier:
    """Return int8 weights; a class's largest weight becomes 127."""
    weights, bias = columns[:-1], columns[-1]
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return Classifier(np.round(weights / scale).astype(np.int8), scale.astype(np.float32), bias.astype(np.float32))
