"""Ray Serve with one replica and batches of up to 64 requests that wait 2 ms for each other. Argument: the port."""

import os
import sys
import time

import numpy as np
import ray
from onnx_model import Model
from ray import serve

QUIET = {"enable_access_log": False}


@serve.deployment(
    num_replicas=1, max_ongoing_requests=512, logging_config=QUIET, ray_actor_options={"num_cpus": 1}
)
class Served:
    def __init__(self):
        self.model = Model()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def infer(self, rows):
        outputs = self.model.run(np.stack(rows))
        lists = {name: values.tolist() for name, values in outputs.items()}
        return [dict(zip(lists, row)) for row in zip(*lists.values())]

    async def __call__(self, request):
        body = await request.json()
        return await self.infer(np.asarray(body["inputs"][0], dtype=np.float32))


if __name__ == "__main__":
    passed = {name: os.environ[name] for name in ("PEER_MODEL", "PEER_THREADS", "PYTHONPATH")}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=256 << 20,
        logging_level="WARNING",
        runtime_env={"env_vars": passed},
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config=QUIET)
    serve.run(Served.bind(), route_prefix="/")
    while True:
        time.sleep(3600)
