"""What MLflow's own scoring server makes of requests: cases as JSON on standard input, answers on standard output.

The model answers nothing: what reaches it after parsing and enforcement is printed, value by value.
"""

import base64
import io
import json
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.models.signature import ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.scoring_server import invocations
from mlflow.types.schema import ParamSchema, Schema


class Recorder:
    def __init__(self):
        self.data = None

    def predict(self, data, params=None):
        self.data, self.params = data, params
        return []


def plain(value, kind):
    """A value as text, as the test has those of a tensor."""
    if isinstance(value, (list, np.ndarray)):
        return [plain(item, kind) for item in value]
    if kind in ("string", "object"):
        return str(value)
    if kind == "binary":
        return (value if isinstance(value, bytes) else str(value).encode()).hex()
    if kind == "boolean":
        return str(bool(value))
    if kind == "datetime":
        return "NaT" if pd.isnull(value) else pd.Timestamp(value).isoformat()
    if kind in ("integer", "long") or kind.startswith(("int", "uint")):
        return str(int(value))
    return repr(float(value))


def frame_of(case):
    values = case["frame"]["values"]
    frame = pd.DataFrame({"x": pd.Series(values, dtype=case["frame"]["dtype"])})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def answer(case):
    recorder = Recorder()
    signature = ModelSignature(
        inputs=Schema.from_json(json.dumps(case["inputs"])),
        params=ParamSchema.from_json(json.dumps(case["params"])) if case.get("params") else None,
    )
    model = PyFuncModel(model_meta=Model(signature=signature, flavors={"python_function": {"loader_module": "x"}}), model_impl=recorder)
    body = frame_of(case) if "frame" in case else case["body"].encode()
    result = {"body": base64.b64encode(body).decode()} if "frame" in case else {}
    try:
        response = invocations(body, case["type"], model, signature.inputs)
        if response.status != 200:
            return {**result, "status": response.status, "text": response.response}
    except MlflowException as error:
        return {**result, "status": error.get_http_status_code(), "error": json.loads(error.serialize_as_json())}
    except Exception as error:
        return {**result, "status": 500, "text": repr(error)}
    data, kind = recorder.data, case["kind"]
    if isinstance(data, pd.DataFrame):
        values = [plain(row, kind) for row in data.values.tolist()] if len(data.columns) != 1 else [plain(v, kind) for v in data[data.columns[0]]]
    elif isinstance(data, dict):
        values = plain(next(iter(data.values())), kind)
    else:
        values = plain(data, kind)
    return {**result, "status": 200, "values": values}


print(json.dumps([answer(case) for case in json.load(sys.stdin)]))
