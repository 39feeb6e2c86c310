"""Scores a Parquet file with `mlflow.pyfunc`, the whole frame at once, as its `predict` does.

Arguments: model folder, Parquet file, Parquet file to write. Prints { rows, seconds, peakMb }.
"""

import json
import resource
import sys
import time

import mlflow
import pandas as pd

folder, source, target = sys.argv[1:]
model = mlflow.pyfunc.load_model(folder)

began = time.perf_counter()
frame = pd.read_parquet(source)
outputs = model.predict(frame.drop(columns="id").to_numpy("float32"))
scores = pd.DataFrame({"id": frame["id"]})
for name, values in outputs.items():
    scores[name] = values.tolist() if values.ndim == 2 and values.shape[1] > 1 else values.reshape(-1)
scores.to_parquet(target)
seconds = time.perf_counter() - began

peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps({"rows": len(frame), "seconds": seconds, "peakMb": peak_mb}))
