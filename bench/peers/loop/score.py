"""Scores a Parquet file in a loop over batches: what people write who need no server.

Arguments: Parquet file, Parquet file to write, rows in a batch. Prints { rows, seconds, peakMb }.
"""

import json
import resource
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from onnx_model import Model

source, target, batch_rows = sys.argv[1:]
model = Model()


def column(values: np.ndarray) -> pa.Array:
    if values.ndim == 1 or values.shape[1] == 1:
        return pa.array(values.reshape(-1))
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


began = time.perf_counter()
rows, writer = 0, None
for batch in pq.ParquetFile(source).iter_batches(int(batch_rows)):
    features = [values for name, values in zip(batch.schema.names, batch.columns) if name != "id"]
    outputs = model.run(np.column_stack([values.to_numpy() for values in features]))
    scores = pa.table({"id": batch["id"], **{name: column(values) for name, values in outputs.items()}})
    writer = writer or pq.ParquetWriter(target, scores.schema)
    writer.write_table(scores)
    rows += len(batch)
writer.close()
seconds = time.perf_counter() - began

peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps({"rows": rows, "seconds": seconds, "peakMb": peak_mb}))
