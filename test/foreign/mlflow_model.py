"""A model directory written by MLflow's own classes, and what its client is answered about its example.

`write FOLDER` puts MLmodel and the example beside the model.onnx that lies there; `ask FOLDER` prints the records of
the scoring server for the held-out rows.
"""

import json
import os
import sys

import numpy as np
import pandas as pd
from mlflow.models import Model
from mlflow.models.signature import infer_signature
from mlflow.models.utils import _save_example
from quickstart import held_out

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
