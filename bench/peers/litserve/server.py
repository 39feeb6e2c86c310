"""LitServe with batches of up to 64 requests that wait 2 ms for each other. Argument: the port."""

import sys

import litserve
import numpy as np
from onnx_model import Model


class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = Model()

    def decode_request(self, request):
        return np.asarray(request["input"], dtype=np.float32)

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, rows):
        return self.model.run(rows)

    def unbatch(self, outputs):
        return [dict(zip(outputs, row)) for row in zip(*outputs.values())]

    def encode_response(self, output):
        return {name: values.tolist() for name, values in output.items()}


if __name__ == "__main__":
    api = Api(max_batch_size=64, batch_timeout=0.002)
    litserve.LitServer(api, accelerator="cpu", workers_per_device=1).run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
