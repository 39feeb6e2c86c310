"""KServe's own REST and gRPC clients, unmodified: protocol v2 in JSON and raw tensors, v1 with events and explanations."""

import asyncio
import os

import grpc
import httpx
import numpy as np
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from quickstart import INPUTS, check, held_out

HTTP = os.environ["HTTP"]


def request(model, name, array, datatype="FP32", binary=False, outputs=None, version=None):
    made = InferInput(name=name, shape=list(array.shape), datatype=datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(
        model_name=model, model_version=version, infer_inputs=[made], request_id="r1", request_outputs=outputs
    )


def both(result):
    return [result.get_output_by_name(name).as_numpy() for name in ("label", "probabilities")]


async def over_rest():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=20))
    assert await client.is_server_live(HTTP) and await client.is_server_ready(HTTP)
    assert await client.is_model_ready(HTTP, "iris")
    assert not await client.is_model_ready(HTTP, "no-such-model")
    for model, name in INPUTS.items():
        x, _, _, _ = held_out(model)
        for binary_in in (True, False):
            for binary_out in (True, False):
                outputs = [RequestedOutput(o, parameters={"binary_data": binary_out}) for o in ("label", "probabilities")]
                result = await client.infer(HTTP, request(model, name, x, binary=binary_in, outputs=outputs), model)
                assert result.id == "r1" and result.model_name == model
                check(model, *both(result))
    texts = np.array([[b"caf\xc3\xa9", b""]], dtype=object)
    result = await client.infer(HTTP, request("identity-bytes", "x", texts, "BYTES", binary=True), "identity-bytes")
    assert result.outputs[0].as_numpy().tolist() == [["café", ""]], result.outputs[0].as_numpy()
    whole = np.array([[2**63 - 1, -(2**63)]], dtype=np.int64)
    result = await client.infer(HTTP, request("identity-int64", "x", whole, "INT64"), "identity-int64")
    assert np.array_equal(result.outputs[0].as_numpy(), whole), result.outputs[0].as_numpy()
    for model, x, status in (("no-such-model", whole, 404), ("identity-int64", whole[0], 400)):
        try:
            await client.infer(HTTP, request(model, "x", x, "INT64"), model)
        except httpx.HTTPStatusError as error:
            assert error.response.status_code == status, error.response.text
        else:
            raise AssertionError(f"not refused: {model}")
    await client.close()


async def over_rest_v1(base):
    client = InferenceRESTClient(RESTConfig(protocol="v1", timeout=20))
    for model in INPUTS:
        x, _, _, _ = held_out(model)
        result = await client.infer(base, {"instances": x.tolist()}, model)
        rows = result["predictions"]
        check(model, np.array([row["label"] for row in rows]), np.array([row["probabilities"] for row in rows]))
    for model, instances, status in (("no-such-model", [[1]], 404), ("iris", [[1]], 400), ("iris", [], 400)):
        await refused(client.infer(base, {"instances": instances}, model), status)
    await refused(client.is_model_ready(base, "no-such-model"), 404)
    await client.close()


async def refused(call, status):
    try:
        await call
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == status and "error" in error.response.json(), error.response.text
    else:
        raise AssertionError(f"not refused with {status}")


async def over_its_own_port():
    base = os.environ["KSERVE"]
    await over_rest_v1(base)
    client = InferenceRESTClient(RESTConfig(protocol="v1", timeout=20))
    assert await client.is_server_live(base) and await client.is_model_ready(base, "iris")
    result = await client.explain(base, "risk", {"instances": [{"a": 1, "b": 2}, {"a": 0.5, "b": 0}]})
    assert result == {"explanations": [{"a": 2, "b": 2}, {"a": 1, "b": 0}]}, result
    await refused(client.explain(base, "iris", {"instances": [[1, 2, 3, 4]]}), 501)
    await refused(client.explain(base, "risk", {"instances": [{"a": 1}]}), 400)
    await refused(client.explain(base, "no-such-model", {"instances": [{"a": 1}]}), 404)
    await client.close()
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=20))
    assert await client.is_server_live(base) and await client.is_model_ready(base, "iris")
    assert not await client.is_model_ready(base, "no-such-model")
    x, _, _, _ = held_out("iris")
    check("iris", *both(await client.infer(base, request("iris", "X", x, binary=True), "iris")))
    await client.close()
    async with httpx.AsyncClient(base_url=base) as http:
        async with http.stream("POST", "/v1/models/spell:predict", json={"instances": [{"word": "abc"}]}) as answer:
            assert answer.status_code == 200 and "".join([part async for part in answer.aiter_text()]) == "a.b.c.", answer
        headers, body = to_binary(CloudEvent({"type": "question", "source": "here"}, {"instances": [{"word": "ab"}]}))
        answer = await http.post("/v1/models/spell:predict", headers={"content-type": "application/json", **headers}, content=body)
        assert from_http(answer.headers, answer.content).data == {"predictions": ["a.b."]}, answer.text
        answer = await http.post("/v1/models/spell:predict", json={"instances": [{"word": "ab"}, {"word": "c"}]})
        assert answer.json() == {"predictions": ["a.b.", "c."]}, answer.text
        assert (await http.post("/v1/models/no-such-model:predict", json={"instances": [1]})).json() == {
            "error": "Model with name no-such-model does not exist."
        }
        metrics = (await http.get("/metrics")).text
        for step in ("preprocess", "predict", "postprocess", "explain"):
            assert f'request_{step}_seconds_bucket{{model_name="iris",le="0.005"}}' in metrics, step
        assert 'request_explain_seconds_count{model_name="risk"} 0' not in metrics
        assert (await http.post("/v2/repository/models/spell/unload")).json() == {"name": "spell", "unload": True}
        assert (await http.get("/v1/models/spell")).status_code == 503
        assert (await http.post("/v2/repository/models/spell/load", content=b"")).json() == {"name": "spell", "load": True}
        assert (await http.get("/v1/models/spell")).json() == {"name": "spell", "ready": True}
        assert (await http.get("/v1/models")).json()["models"].count("iris") == 1
        assert (await http.get("/v1/models/iris")).json() == {"name": "iris", "ready": True}
        x, _, _, _ = held_out("iris")
        event = CloudEvent({"type": "question", "source": "here"}, {"instances": x.tolist()})
        for write in (to_binary, to_structured):
            headers, body = write(event)
            headers = {"content-type": "application/json", **headers}
            response = await http.post("/v1/models/iris:predict", headers=headers, content=body)
            answer = from_http(response.headers, response.content)
            assert answer["source"] == "io.kserve.inference.iris" and answer["id"] != event["id"], answer
            assert answer["type"] == "io.kserve.inference.response", answer
            rows = answer.data["predictions"]
            check("iris", np.array([row["label"] for row in rows]), np.array([row["probabilities"] for row in rows]))


async def over_grpc():
    client = InferenceGRPCClient(os.environ["GRPC"], timeout=20)
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready("iris")
    for model, name in INPUTS.items():
        x, _, _, _ = held_out(model)
        for binary in (True, False):
            result = await client.infer(request(model, name, x, binary=binary))
            assert result.id == "r1" and result.model_name == model
            check(model, *both(result))
    half = np.array([[1.5, -0.0]], dtype=np.float16)
    result = await client.infer(request("identity-fp16", "x", half, "FP16", binary=True))
    assert result.outputs[0].as_numpy().tobytes() == half.tobytes()
    try:
        await client.infer(request("no-such-model", "x", half, "FP16", binary=True))
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("not refused")
    await client.close()


asyncio.run(over_rest())
asyncio.run(over_rest_v1(HTTP))
asyncio.run(over_its_own_port())
asyncio.run(over_grpc())
print("ok")
