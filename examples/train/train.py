# /// script
# requires-python = ">=3.11,<3.15"
# dependencies = [
#   "numpy==2.3.5",
#   "onnx==1.20.1",
#   "onnxruntime==1.30.0",
#   "scikit-learn==1.8.0",
#   "skl2onnx==1.20.0",
# ]
# ///
"""Trains the quickstart's three models and writes down what scikit-learn answers.

    uv run examples/train/train.py

Each model learns from one of scikit-learn's bundled data sets, becomes `models/NAME/1/model.onnx`, and
leaves `data/NAME.held-out.csv`: rows it never saw, with scikit-learn's own label and probabilities for
them. Tests send those rows through every door of the server and expect the same answers.

The second run writes the same bytes: seeds are fixed, graph names are ours, one thread does the sums.
(Another CPU may round the training differently; the held-out files are then rewritten to match.)
"""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

QUICKSTART = Path(__file__).resolve().parent.parent / "quickstart"
SEED = 20261123
TOLERANCE = 1e-5


@dataclass
class Example:
    name: str
    input: str
    dataset: str
    features: list[str]
    classes: list[str]  # what a person calls class 0, 1, 2 …
    rows: np.ndarray
    targets: np.ndarray
    estimator: object
    held_out: float
    method: str


def examples() -> list[Example]:
    iris, digits, cancer = load_iris(), load_digits(), load_breast_cancer()
    return [
        Example(
            name="iris",
            input="X",
            dataset="150 flowers (Fisher, 1936)",
            features=[name.removesuffix(" (cm)").replace(" ", "_") for name in iris.feature_names],
            classes=list(iris.target_names),
            rows=iris.data,
            targets=iris.target,
            estimator=LogisticRegression(max_iter=1000, random_state=SEED),
            held_out=1 / 3,
            method="logistic regression",
        ),
        Example(
            name="digits",
            input="pixels",
            dataset="1,797 scans of 8x8 pixels, 0 to 16 (Alpaydin and Kaynak, 1998)",
            features=[f"pixel_{row}_{column}" for row in range(8) for column in range(8)],
            classes=[str(digit) for digit in digits.target_names],
            rows=digits.data,
            targets=digits.target,
            estimator=make_pipeline(
                StandardScaler(),
                MLPClassifier(hidden_layer_sizes=(64,), alpha=0.1, max_iter=400, random_state=SEED),
            ),
            held_out=1 / 5,
            method="neural network, one hidden layer of 64",
        ),
        Example(
            name="breast-cancer",
            input="X",
            dataset="569 biopsies (Street, Wolberg and Mangasarian, 1993)",
            features=[name.replace(" ", "_") for name in cancer.feature_names],
            classes=list(cancer.target_names),
            rows=cancer.data,
            targets=cancer.target,
            estimator=GradientBoostingClassifier(n_estimators=100, random_state=SEED),
            held_out=1 / 4,
            method="gradient boosting, 100 trees",
        ),
    ]


def export(example: Example) -> onnx.ModelProto:
    """The estimator as ONNX with outputs called `label` and `probabilities`, both plain tensors."""
    model = to_onnx(
        example.estimator,
        name=example.name,
        initial_types=[(example.input, FloatTensorType([None, len(example.features)]))],
        options={"zipmap": False},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    rename_outputs(model.graph, ["label", "probabilities"])
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    probabilities = model.graph.output[1].type.tensor_type.shape
    if len(probabilities.dim) == 1:
        probabilities.dim.add()
    probabilities.dim[1].dim_value = len(example.classes)

    model.doc_string = f"{example.method}, trained on {example.dataset} by examples/train/train.py"
    model.graph.doc_string = ""
    # skl2onnx lists attributes and operator sets in the order of a Python set: another one in every run.
    for node in model.graph.node:
        node.attribute.sort(key=lambda attribute: attribute.name)
    versions = sorted({(opset.domain, opset.version) for opset in model.opset_import})
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*version) for version in versions)
    onnx.helper.set_model_props(
        model, {"dataset": example.dataset, "library": f"scikit-learn {sklearn.__version__}", "seed": str(SEED)}
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def rename_outputs(graph: onnx.GraphProto, names: list[str]) -> None:
    """Renames the graph's outputs, after moving any inner value that already has such a name."""
    outputs = [output.name for output in graph.output]
    new_names = {name: f"inner_{name}" for name in names if name not in outputs} | dict(zip(outputs, names))
    for node in graph.node:
        node.input[:] = [new_names.get(name, name) for name in node.input]
        node.output[:] = [new_names.get(name, name) for name in node.output]
    for output, name in zip(graph.output, names):
        output.name = name


def write_held_out(
    path: Path, example: Example, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> None:
    """`str` of a float32 is the shortest text that reads back as the same float32, and of a float64 likewise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        count = probabilities.shape[1]
        writer.writerow([*example.features, "expected_label", *(f"expected_probability_{i}" for i in range(count))])
        for row, label, shares in zip(rows, labels, probabilities):
            writer.writerow([*map(text, row), example.classes[label], *map(text, shares)])


def text(value: np.floating) -> str:
    return str(int(value)) if value == int(value) else str(value)


def write_warmup(path: Path, example: Example, rows: np.ndarray) -> None:
    keyed = [{name: float(str(value)) for name, value in zip(example.features, row)} for row in rows]
    lines = ",\n".join(f"    {json.dumps(row)}" for row in keyed)
    path.write_text(f'{{\n  "rows": [\n{lines}\n  ]\n}}\n')


def build(example: Example) -> bool:
    # A server gets float32; so scikit-learn is asked about the same float32 values. Otherwise a row
    # that lies on a tree's threshold could take the other branch.
    rows = example.rows.astype(np.float32)
    train_rows, rows, train_targets, targets = train_test_split(
        rows, example.targets, test_size=example.held_out, stratify=example.targets, random_state=SEED
    )
    example.estimator.fit(train_rows, train_targets)
    doubles = rows.astype(np.float64)
    labels, probabilities = example.estimator.predict(doubles), example.estimator.predict_proba(doubles)

    folder = QUICKSTART / "models" / example.name
    artifact = export(example).SerializeToString(deterministic=True)
    (folder / "1").mkdir(parents=True, exist_ok=True)
    (folder / "1" / "model.onnx").write_bytes(artifact)
    write_held_out(QUICKSTART / "data" / f"{example.name}.held-out.csv", example, rows, labels, probabilities)
    if example.name == "iris":
        write_warmup(folder / "warmup.json", example, train_rows[:3])

    session = onnxruntime.InferenceSession(artifact, providers=["CPUExecutionProvider"])
    onnx_labels, onnx_probabilities = session.run(["label", "probabilities"], {example.input: rows})
    difference = float(np.abs(onnx_probabilities - probabilities).max())
    same_labels = bool((onnx_labels == labels).all())
    print(
        f"{example.name}: {len(artifact):,} bytes, {len(rows)} held-out rows, "
        f"accuracy {np.mean(labels == targets):.4f}, "
        f"labels {'equal' if same_labels else 'DIFFER'}, max |onnx - sklearn| {difference:.2e}"
    )
    return same_labels and difference <= TOLERANCE


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        agree = [build(example) for example in examples()]
    if not all(agree):
        sys.exit(f"error: ONNX and scikit-learn disagree by more than {TOLERANCE}")
