"""Triton's own gRPC client, with streaming; the standard health and reflection clients beside it."""

import os
import queue

import grpc
import numpy as np
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from quickstart import INPUTS, check, held_out
from tritonclient.utils import InferenceServerException

address = os.environ["GRPC"]
client = triton.InferenceServerClient(address)


def tensor(name, array, datatype="FP32"):
    made = triton.InferInput(name, array.shape, datatype)
    made.set_data_from_numpy(array)
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
assert client.get_model_metadata("iris").inputs[0].datatype == "FP32"
for model, name in INPUTS.items():
    x, _, _, _ = held_out(model)
    result = client.infer(model, [tensor(name, x)])
    check(model, result.as_numpy("label"), result.as_numpy("probabilities"))

answers = queue.Queue()
client.start_stream(callback=lambda result, error: answers.put((result, error)))
x, _, _, _ = held_out("iris")
for i in range(len(x)):
    client.async_stream_infer("iris", [tensor("X", x[i : i + 1])], request_id=str(i))
results = [answers.get(timeout=20) for _ in range(len(x))]
client.stop_stream()
assert [error for _, error in results if error is not None] == []
ordered = sorted((int(result.get_response().id), result) for result, _ in results)
check(
    "iris",
    np.concatenate([result.as_numpy("label") for _, result in ordered]),
    np.concatenate([result.as_numpy("probabilities") for _, result in ordered]),
)

refused(lambda: client.infer("no-such-model", [tensor("X", x)]), "NOT_FOUND")
refused(lambda: client.infer("iris", [tensor("X", x[:, :2])]), "INVALID_ARGUMENT", "shape")
assert {entry.name for entry in client.get_model_repository_index().models} >= set(INPUTS)
assert client.get_inference_statistics("iris").model_stats[0].inference_count >= len(x)

channel = grpc.insecure_channel(address)
health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=""))
assert health.status == health_pb2.HealthCheckResponse.SERVING
services = ProtoReflectionDescriptorDatabase(channel).get_services()
assert "inference.GRPCInferenceService" in services and "grpc.health.v1.Health" in services
print("ok")
