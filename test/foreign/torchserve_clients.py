"""What clients of TorchServe do: `requests` as in its own examples, and its gRPC service by its protocol file."""

import io
import json
import os
import re

import grpc
import requests
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from quickstart import INPUTS, check, held_out

HTTP = os.environ["HTTP"]
PACKAGE = "org.pytorch.serve.grpc.inference"


def over_rest():
    assert requests.get(f"{HTTP}/ping").json() == {"status": "Healthy"}
    for model in [*INPUTS, "archived"]:
        data = "iris" if model == "archived" else model
        x, features, _, _ = held_out(data)
        url = f"{HTTP}/predictions/{model}"
        rows = requests.post(url, json=x.tolist()).json()
        check(data, [row["label"] for row in rows], [row["probabilities"] for row in rows])
        one = json.dumps(dict(zip(features, map(float, x[0]))))
        answers = [
            requests.post(url, data=one, headers={"Content-Type": "application/json"}),
            requests.put(url, data=one),  # curl -T
            requests.post(url, data=one),
            requests.post(url, files={"data": ("row.json", io.BytesIO(one.encode()))}),  # examples/image_classifier
            requests.post(url, files={"body": one}),
            requests.post(url, data={"data": one}),
            requests.post(url, data={name: repr(float(value)) for name, value in zip(features, x[0])}),
            requests.post(f"{url}/1.0", json=x[0].tolist()),
        ]
        assert [answer.status_code for answer in answers] == [200] * 8, [answer.text for answer in answers]
        assert all(answer.json() == rows[0] for answer in answers), [answer.text for answer in answers]
        predictions = requests.post(url, json={"instances": x[:2].tolist()}).json()["predictions"]
        assert [row["label"] for row in predictions] == [row["label"] for row in rows[:2]]
    metrics = requests.get(f"{HTTP}/metrics").text
    assert 'ts_inference_requests_total{model_name="archived",model_version="1"' in metrics, metrics

    for path, body, status, kind in (
        ("predictions/nope", "[1]", 404, "ModelNotFoundException"),
        ("predictions/iris/7", "[1]", 404, "ModelVersionNotFoundException"),
        ("predictions/iris", "[1]", 400, "BadRequestException"),
        ("predictions/iris", "{", 400, "BadRequestException"),
        ("explanations/iris", "[1]", 503, "InternalServerException"),
    ):
        answer = requests.post(f"{HTTP}/{path}", data=body)
        error = answer.json()
        assert (answer.status_code, error["code"], error["type"]) == (status, status, kind), answer.text
        assert list(error) == ["code", "type", "message"] and answer.headers["x-request-id"]


def on_its_ports():
    own, metrics = os.environ["TORCHSERVE"], os.environ["TORCHSERVE_METRICS"]
    # test_url_path.py: what stands behind the version is for the handler.
    url = f"{own}/predictions/paths/1.0/v1/chat/completion"
    for answer in (requests.post(url, data=b"x"), requests.get(url, data=b"x")):
        assert (answer.status_code, answer.text) == (200, "v1/chat/completion"), answer.text
    assert requests.post(f"{own}/predictions/paths/1.0", data=b"x").text == "undefined"
    # The last check of each of its Postman collections.
    pattern = r'Requests2XX\{Level="Host",Hostname=".*",\} \d+\.\d+'
    for text in (requests.get(f"{metrics}/metrics").text, requests.get(f"{metrics}/metrics?name[]=Requests2XX").text):
        assert re.search(pattern, text), text
    assert requests.get(f"{metrics}/metrics?name[]=Requests2XX").text.count("\n") == 3
    # KServe's second protocol, with explanations beside it.
    asked = lambda value: {"id": "d3b", "inputs": [{"name": "data", "shape": [1], "datatype": "BYTES", "data": [value]}]}
    for value, datatype, data in (("numbers", "INT64", [1, 2, 3, 4]), ("x", "BYTES", ["a text"])):
        answer = requests.post(f"{own}/v2/models/paths/explain", json=asked(value)).json()
        output = {"name": "data", "datatype": datatype, "data": data, "shape": [len(data)]}
        assert answer == {"id": "d3b", "model_name": "paths", "model_version": "1", "outputs": [output]}, answer
    failed = requests.post(f"{own}/v2/models/iris/explain", json=asked("x"))
    assert (failed.status_code, failed.json()["message"]) == (503, "Prediction failed"), failed.text


def messages():
    """Its proto/inference.proto, without a compiler."""
    text, data = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    nested = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    file = descriptor_pb2.FileDescriptorProto(name="inference.proto", package=PACKAGE, syntax="proto3")

    def message(name, *fields):
        made = file.message_type.add(name=name)
        for number, field, kind in fields:
            made.field.add(name=field, number=number, type=kind, label=1)
        return made

    request = message("PredictionsRequest", (1, "model_name", text), (2, "model_version", text), (4, "sequence_id", text))
    entry = request.nested_type.add(name="InputEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=text, label=1)
    entry.field.add(name="value", number=2, type=data, label=1)
    of_entry = f".{PACKAGE}.PredictionsRequest.InputEntry"
    request.field.add(name="input", number=3, type=nested, label=3, type_name=of_entry)
    message("Any", (1, "type_url", text), (2, "value", data))
    status = message("Status", (1, "code", descriptor_pb2.FieldDescriptorProto.TYPE_INT32), (2, "message", text))
    status.field.add(name="details", number=3, type=nested, label=3, type_name=f".{PACKAGE}.Any")
    response = message("PredictionResponse", (1, "prediction", data), (2, "sequence_id", text))
    response.field.add(name="status", number=3, type=nested, label=1, type_name=f".{PACKAGE}.Status")
    message("TorchServeHealthResponse", (1, "health", text))
    message("Empty")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("PredictionsRequest", "PredictionResponse", "TorchServeHealthResponse", "Empty")
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names]


def over_grpc():
    Request, Response, Health, Empty = messages()
    service = f"/{PACKAGE}.InferenceAPIsService/"
    with grpc.insecure_channel(os.environ["GRPC"]) as channel:
        write = Request.SerializeToString
        ping = channel.unary_unary(f"{service}Ping", Empty.SerializeToString, Health.FromString)
        predictions = channel.unary_unary(f"{service}Predictions", write, Response.FromString)
        stream = channel.unary_stream(f"{service}StreamPredictions", write, Response.FromString)
        both = channel.stream_stream(f"{service}StreamPredictions2", write, Response.FromString)
        assert ping(Empty()).health == '{\n  "status": "Healthy"\n}\n'
        for model, data in (("iris", "iris"), ("archived", "iris"), ("digits", "digits")):
            x, features, _, _ = held_out(data)
            expected = requests.post(f"{HTTP}/predictions/{model}", json=x[0].tolist()).json()
            row = json.dumps(x[0].tolist()).encode()
            fields = {name: repr(float(value)).encode() for name, value in zip(features, x[0])}
            for given in ({"data": row}, {"body": row}, fields):
                answer = predictions(Request(model_name=model, input=given), timeout=20)
                assert json.loads(answer.prediction) == expected, answer
            [answer] = stream(Request(model_name=model, model_version="1.0", input={"data": row}), timeout=20)
            assert json.loads(answer.prediction) == expected, answer
        text = predictions(Request(model_name="identity-bytes", input={"data": '["café", ""]'.encode()}), timeout=20)
        assert json.loads(text.prediction) == ["café", ""], text

        asked = [
            Request(model_name="iris", sequence_id="a", input={"data": b"[5, 3, 1, 0]"}),
            Request(model_name="nope", sequence_id="b", input={"data": b"[]"}),
            Request(model_name="iris", input={"data": b"[5, 3, 1, 0]"}),
        ]
        answers = list(both(iter(asked), timeout=20))
        assert [answer.sequence_id for answer in answers] == ["a", "b", ""], answers
        assert json.loads(answers[0].prediction)["label"] == 0, answers
        assert [answer.status.code for answer in answers] == [0, 13, 13], answers
        [detail] = answers[2].status.details
        assert detail.type_url == "type.googleapis.com/google.rpc.ErrorInfo" and b"BadRequestException.()" in detail.value
        assert answers[2].status.message == "Parameter sequenceId is required.", answers

        for request, code, details in (
            (Request(input={"data": b"[]"}), "INTERNAL", "Parameter model_name is required.\nBadRequestException.()"),
            (Request(model_name="nope"), "INTERNAL", "Model not found: nope\norg.pytorch.serve.archive.model.ModelNotFoundException"),
            (Request(model_name="iris", input={"data": b"[1]"}), "INVALID_ARGUMENT", None),
            (Request(model_name="iris", model_version="9"), "INTERNAL", "Model version: 9 does not exist for model: iris\norg.pytorch.serve.archive.model.ModelVersionNotFoundException"),
        ):
            try:
                predictions(request, timeout=20)
            except grpc.RpcError as error:
                assert (error.code().name, error.details()) == (code, details or error.details()), error
            else:
                raise AssertionError("not refused")


over_rest()
on_its_ports()
over_grpc()
print("ok")
