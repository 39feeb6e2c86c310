"""A handler of TorchServe over ONNX Runtime: PyTorch is imported by its worker, and does nothing here."""

import json

import numpy as np
from onnx_model import Model

model = None


def handle(data, context):
    global model
    if model is None:
        model = Model()
    if data is None:
        return None
    rows = [json_of(request)["inputs"][0] for request in data]
    outputs = {name: values.tolist() for name, values in model.run(np.asarray(rows, dtype=np.float32)).items()}
    return [dict(zip(outputs, row)) for row in zip(*outputs.values())]


def json_of(request):
    body = request.get("body") or request.get("data")
    return json.loads(body) if isinstance(body, (bytes, bytearray)) else body
