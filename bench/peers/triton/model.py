"""A model of Triton's Python backend: requests that wait are joined, run together, and taken apart again."""

import os
import sys

# Triton's interpreter is not that of the environment: it finds nothing by itself.
sys.path[:0] = os.environ["PEER_PATH"].split(os.pathsep)

import numpy as np
import triton_python_backend_utils as triton
from onnx_model import Model


class TritonPythonModel:
    def initialize(self, args):
        self.model = Model()

    def execute(self, requests):
        inputs = [triton.get_input_tensor_by_name(request, self.model.input).as_numpy() for request in requests]
        outputs = self.model.run(np.concatenate(inputs) if len(inputs) > 1 else inputs[0])
        responses, first = [], 0
        for rows in map(len, inputs):
            tensors = [
                triton.Tensor(name, values[first : first + rows].reshape(rows, -1)) for name, values in outputs.items()
            ]
            responses.append(triton.InferenceResponse(tensors))
            first += rows
        return responses
