"""A BentoML service with adaptive batching. A batchable method answers one array: that of the last output."""

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType
from onnx_model import Model as Onnx


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Model:
    def __init__(self):
        self.model = Onnx()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=64, max_latency_ms=1000)
    def predict(self, inputs: Annotated[np.ndarray, DType("float32")]) -> np.ndarray:
        return list(self.model.run(inputs).values())[-1]
