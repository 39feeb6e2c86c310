"""Triton's own HTTP client, unmodified: good requests by every option that it has, and what it says of bad ones."""

import os

import numpy as np
import tritonclient.http as triton
from quickstart import INPUTS, check, held_out
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(os.environ["HTTP"].removeprefix("http://"), concurrency=8)


def tensor(name, array, datatype, binary):
    made = triton.InferInput(name, array.shape, datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def refused(call, *fragments):
    try:
        call()
    except InferenceServerException as error:
        for fragment in fragments:
            assert fragment in str(error), str(error)
        return
    raise AssertionError(f"not refused: {fragments}")


assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("iris")
assert not client.is_model_ready("no-such-model")
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
assert client.get_model_metadata("iris")["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 4]}]
assert client.get_model_config("iris")["max_batch_size"] >= 1

for model, name in INPUTS.items():
    x, _, _, _ = held_out(model)
    for binary_in in (True, False):
        for binary_out in (True, False):
            outputs = [triton.InferRequestedOutput(o, binary_data=binary_out) for o in ("label", "probabilities")]
            result = client.infer(model, [tensor(name, x, "FP32", binary_in)], outputs=outputs, request_id="r1")
            check(model, result.as_numpy("label"), result.as_numpy("probabilities"))
            assert result.get_response()["id"] == "r1"
    calls = [client.async_infer(model, [tensor(name, x[i : i + 1], "FP32", True)]) for i in range(len(x))]
    answers = [call.get_result() for call in calls]
    check(
        model,
        np.concatenate([answer.as_numpy("label") for answer in answers]),
        np.concatenate([answer.as_numpy("probabilities") for answer in answers]),
    )

x, _, _, _ = held_out("iris")
for coding in ("gzip", "deflate"):
    result = client.infer(
        "iris",
        [tensor("X", x, "FP32", True)],
        request_compression_algorithm=coding,
        response_compression_algorithm=coding,
    )
    check("iris", result.as_numpy("label"), result.as_numpy("probabilities"))

top = triton.InferRequestedOutput("probabilities", class_count=2)
classes = client.infer("iris", [tensor("X", x[:1], "FP32", True)], outputs=[top]).as_numpy("probabilities")
assert classes.shape == (1, 2) and classes[0][0].decode().split(":")[2] in ("setosa", "versicolor", "virginica")

texts = np.array([["grün", ""], ["a b", "x" * 1000]], dtype=object)
for binary in (True, False):
    answer = client.infer("identity-bytes", [tensor("x", texts, "BYTES", binary)]).as_numpy("y")
    assert [value.decode() if isinstance(value, bytes) else value for value in answer.ravel()] == list(texts.ravel())

extremes = np.array([[-(2**63), 2**63 - 1]], dtype=np.int64)
for binary in (True, False):
    out = [triton.InferRequestedOutput("y", binary_data=binary)]
    answer = client.infer("identity-int64", [tensor("x", extremes, "INT64", binary)], outputs=out)
    assert np.array_equal(answer.as_numpy("y"), extremes)
half = np.array([[0.5, -65504]], dtype=np.float16)
assert np.array_equal(client.infer("identity-fp16", [tensor("x", half, "FP16", True)]).as_numpy("y"), half)

refused(lambda: client.infer("no-such-model", [tensor("X", x, "FP32", True)]), "Request for unknown model")
refused(lambda: client.infer("iris", [tensor("X", x[:, :3], "FP32", True)]), "unexpected shape")
refused(lambda: client.infer("iris", [tensor("Y", x, "FP32", True)]), "is missing")
refused(lambda: client.infer("iris", [tensor("X", x.astype(np.float64), "FP64", True)]), "FP64")
refused(lambda: client.register_system_shared_memory("r", "/k", 8), "shared memory")

assert {entry["name"] for entry in client.get_model_repository_index()} >= set(INPUTS)
client.unload_model("digits")
assert not client.is_model_ready("digits")
client.load_model("digits")
assert client.is_model_ready("digits")
stats = client.get_inference_statistics("iris")["model_stats"][0]
assert stats["inference_count"] >= len(x) and stats["inference_stats"]["success"]["count"] > 0
print("ok")
