"""The model that every peer serves, opened in one way for all of them.

PEER_MODEL is an ONNX file, PEER_THREADS how many threads a run may take.
"""

import os

import numpy as np
import onnxruntime


class Model:
    def __init__(self, file: str | None = None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("PEER_THREADS", "1"))
        options.inter_op_num_threads = 1
        file = file or os.environ["PEER_MODEL"]
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.outputs = [output.name for output in self.session.get_outputs()]

    def run(self, rows) -> dict[str, np.ndarray]:
        values = self.session.run(None, {self.input: np.asarray(rows, dtype=np.float32)})
        return dict(zip(self.outputs, values))
