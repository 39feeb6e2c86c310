"""A model directory written by MLflow's own classes, and what its client is answered about its example.

`write FOLDER` puts MLmodel and the example beside the model.onnx that lies there; `ask FOLDER` prints the records of
the scoring server for the held-out rows; `write-half FOLDER` makes one whose flavor of Python computes the same as its
ONNX, `write-tensor FOLDER` one that takes a tensor without a name, and `predict FOLDER FILE...` has MLflow's command predict with it.
"""

import json
import os
import sys

import numpy as np
import pandas as pd
from mlflow.models import Model
from mlflow.models.signature import ModelSignature, infer_signature
from mlflow.models.utils import _save_example
from mlflow.types import Schema, TensorSpec
from quickstart import held_out

HALF = '''
import pandas as pd


class Half:
    """What the graph computes; a frame for a frame, as MLflow's own flavor for ONNX answers."""

    def predict(self, data, params=None):
        y = data["x"] / 2 + 2
        return pd.DataFrame({"y": y.to_numpy()})


def _load_pyfunc(path):
    return Half()
'''

SAME = """
class Same:
    def predict(self, data, params=None):
        return {"y": data}


def _load_pyfunc(path):
    return Same()
"""

if sys.argv[1] == "write-half":
    folder = sys.argv[2]
    os.makedirs(os.path.join(folder, "code"))
    with open(os.path.join(folder, "code", "half_loader.py"), "w") as file:
        file.write(HALF)
    example = pd.DataFrame({"x": [1.0, 2.5, -3.0]})
    model = Model(signature=infer_signature(example, pd.DataFrame({"y": [2.5]})), run_id=None)
    model.add_flavor("python_function", loader_module="half_loader", code="code", data="model.onnx", python_version="3.11.7")
    model.add_flavor("onnx", data="model.onnx", onnx_version="1.17", providers=["CPUExecutionProvider"])
    _save_example(model, example, folder)
    model.save(os.path.join(folder, "MLmodel"))
    print("ok")
    sys.exit()
if sys.argv[1] == "write-tensor":
    folder = sys.argv[2]
    os.makedirs(os.path.join(folder, "code"))
    with open(os.path.join(folder, "code", "same_loader.py"), "w") as file:
        file.write(SAME)
    model = Model(signature=ModelSignature(Schema([TensorSpec(np.dtype(np.float32), (-1, 2))])), run_id=None)
    model.add_flavor("python_function", loader_module="same_loader", code="code", data="model.onnx", python_version="3.11.7")
    model.add_flavor("onnx", data="model.onnx", onnx_version="1.17", providers=["CPUExecutionProvider"])
    model.save(os.path.join(folder, "MLmodel"))
    print("ok")
    sys.exit()
if sys.argv[1] == "predict":
    from mlflow.models.cli import commands

    folder, *paths = sys.argv[2:]
    answers = []
    for path in paths:
        kind = "csv" if path.endswith(".csv") else "json"
        arguments = ["predict", "-m", folder, "-i", path, "-t", kind, "-o", path + ".out", "--env-manager", "local"]
        commands.main(arguments, standalone_mode=False)
        with open(path + ".out") as file:
            answers.append(json.load(file)["predictions"])
    print(json.dumps(answers))
    sys.exit()

x, features, labels, probabilities = held_out("iris")
frame = pd.DataFrame(x.astype(np.float64), columns=features)

if sys.argv[1] == "write":
    folder = sys.argv[2]
    # What scikit-learn gave before it was exported: fewer outputs than the artifact has.
    model = Model(signature=infer_signature(frame, labels), run_id=None)
    os.rename(os.path.join(folder, "model.onnx"), os.path.join(folder, "classifier.onnx"))
    model.add_flavor("python_function", loader_module="mlflow.onnx", data="classifier.onnx", python_version="3.12.1")
    model.add_flavor("onnx", data="classifier.onnx", onnx_version="1.17", providers=["CPUExecutionProvider"])
    _save_example(model, frame.head(3), folder)
    model.save(os.path.join(folder, "MLmodel"))
    print("ok")
else:
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    host, port = os.environ["MLFLOW"].rsplit(":", 1)
    server = ScoringServerClient(host, int(port))
    answer = server.invoke(frame).get_predictions()
    assert np.array_equal(answer["label"], labels)
    with open(os.path.join(sys.argv[2], "serving_input_example.json")) as file:
        example = json.load(file)
    three = pd.DataFrame(**example["dataframe_split"])
    assert server.invoke(three).get_predictions().equals(answer.head(3))
    print(answer.to_json(orient="records"))
