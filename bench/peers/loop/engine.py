"""ONNX Runtime called in a loop from Python, without a server, for each batch size.

Arguments: values in a row, batch sizes, seconds for each. Prints [{ rows, rowsPerSecond, p50Ms }].
"""

import json
import sys
import time

import numpy as np
from onnx_model import Model

width, sizes, seconds = int(sys.argv[1]), sys.argv[2].split(","), float(sys.argv[3])
model = Model()
results = []
for rows in map(int, sizes):
    data = np.random.default_rng(0).random((rows, width), np.float32)
    for _ in range(3):
        model.run(data)
    times = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        model.run(data)
        times.append(time.perf_counter() - start)
    elapsed = time.perf_counter() - began
    results.append(
        {"rows": rows, "rowsPerSecond": len(times) * rows / elapsed, "p50Ms": float(np.median(times)) * 1000}
    )
print(json.dumps(results))
