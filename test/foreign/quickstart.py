"""Held-out rows of the quickstart's models and what scikit-learn itself answered for them."""

import csv
import os

import numpy as np

FOLDER = os.path.join(os.path.dirname(__file__), "../../examples/quickstart/data")
INPUTS = {"iris": "X", "digits": "pixels", "breast-cancer": "X"}
LABELS = {
    "iris": ["setosa", "versicolor", "virginica"],
    "digits": [str(digit) for digit in range(10)],
    "breast-cancer": ["malignant", "benign"],
}


def held_out(model):
    """Features [n, k] FP32, feature names, labels [n] as class indices, probabilities [n, classes]."""
    with open(os.path.join(FOLDER, f"{model}.held-out.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if not name.startswith("expected_")]
    probabilities = [name for name in rows[0] if name.startswith("expected_probability_")]
    x = np.array([[row[name] for name in features] for row in rows], dtype=np.float32)
    labels = np.array([LABELS[model].index(row["expected_label"]) for row in rows])
    return x, features, labels, np.array([[float(row[name]) for name in probabilities] for row in rows])


def check(model, label, probabilities):
    """Labels equal, probabilities within 1e-5 of the training library's own."""
    _, _, expected, expected_probabilities = held_out(model)
    assert np.array_equal(np.asarray(label), expected), model
    assert np.abs(np.asarray(probabilities) - expected_probabilities).max() <= 1e-5, model
