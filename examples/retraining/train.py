# /// script
# requires-python = ">=3.11,<3.15"
# dependencies = [
#   "numpy==2.3.5",
#   "onnx==1.20.1",
#   "scikit-learn==1.8.0",
#   "skl2onnx==1.20.0",
# ]
# ///
"""Trains a classifier of handwritten digits: what a train step of Servery runs.

It knows nothing of Servery but two folders and a text in its environment, so it can be run by hand, too:

    SERVERY_ARTIFACT_DIR=/tmp/artifact uv run train.py
"""

import csv
import json
import os
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

artifact = Path(os.environ["SERVERY_ARTIFACT_DIR"])
params = json.loads(os.environ.get("SERVERY_PARAMS", "{}"))
held_out_file = Path(__file__).parent / "data" / "held-out.csv"


def held_out() -> set[tuple[float, ...]]:
    with held_out_file.open() as file:
        return {tuple(map(float, row[:64])) for row in csv.reader(file) if row[0] != "pixel_0_0"}


def main() -> None:
    digits = load_digits()
    kept = held_out()
    is_training = np.array([tuple(row) not in kept for row in digits.data])
    rows = digits.data[is_training].astype(np.float32)
    targets = digits.target[is_training]
    scans = min(params.get("scans", len(rows)), len(rows))
    chosen = np.random.default_rng(7).permutation(len(rows))[:scans]
    rows, targets = rows[chosen], targets[chosen]
    print(f"learning from {scans} scans", flush=True)

    estimator = make_pipeline(
        StandardScaler(), MLPClassifier(hidden_layer_sizes=(64,), alpha=0.1, max_iter=300, random_state=7)
    )
    accuracy = float(cross_val_score(estimator, rows, targets, cv=3).mean())
    estimator.fit(rows, targets)

    model = to_onnx(
        estimator,
        initial_types=[("pixels", FloatTensorType([None, 64]))],
        options={"zipmap": False},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    (artifact / "model.onnx").write_bytes(model.SerializeToString())
    (artifact / "metrics.json").write_text(json.dumps({"accuracy": round(accuracy, 4), "scans": scans}))
    print(f"accuracy {accuracy:.4f}", flush=True)


main()
