"""Google's own client, unmodified, over REST and gRPC: predictions, raw bytes, and what it raises for failures."""

import json
import os

import grpc
import numpy as np
import requests
from google.api import httpbody_pb2
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1 import PredictionServiceClient
from google.cloud.aiplatform_v1.services.prediction_service.transports import (
    PredictionServiceGrpcTransport,
    PredictionServiceRestTransport,
)
from google.cloud.aiplatform_v1.types import (
    DirectPredictRequest,
    DirectRawPredictRequest,
    ExplainRequest,
    PredictRequest,
    RawPredictRequest,
    StreamDirectPredictRequest,
    StreamDirectRawPredictRequest,
    StreamingPredictRequest,
    StreamingRawPredictRequest,
    StreamRawPredictRequest,
    Tensor,
)
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value
from kserve.protocol.grpc import grpc_predict_v2_pb2 as service_pb2
from quickstart import INPUTS, check, held_out


def endpoint(name):
    return f"projects/p/locations/us-central1/endpoints/{name}"


def value(item):
    return json_format.ParseDict(item, Value())


def both(rows):
    return np.array([int(row["label"]) for row in rows]), np.array([list(row["probabilities"]) for row in rows])


def refused(call, kind):
    try:
        call()
    except exceptions.GoogleAPICallError as error:
        assert isinstance(error, kind), (type(error), error)
        return error
    raise AssertionError(f"not refused: {kind}")


def parts_of(client, name, body):
    http_body = httpbody_pb2.HttpBody(data=json.dumps(body).encode(), content_type="application/json")
    return client.stream_raw_predict(StreamRawPredictRequest(endpoint=endpoint(name), http_body=http_body))


def drive_handlers(client):
    parts = list(parts_of(client, "talk", {"say": "text"}))
    assert [part.data for part in parts] == [b"one ", b"two\nlines ", "drei ü".encode()], parts
    assert parts[0].content_type.startswith("text/plain"), parts
    assert [part.data for part in parts_of(client, "talk", {"say": "bytes"})] == [b"\0\xff"]
    assert [part.data for part in parts_of(client, "talk", {"say": "nothing"})] == []
    letters = list(parts_of(client, "spell", {"instances": [{"word": "abc"}]}))
    assert [part.data for part in letters] == [b"a.", b"b.", b"c."], letters
    refused(lambda: list(parts_of(client, "talk", {"say": "unheard"})), exceptions.BadRequest)
    refused(lambda: list(parts_of(client, "talk", {"say": "fail"})), exceptions.ServerError)
    refused(lambda: list(parts_of(client, "spell", {"instances": ["a", "b"]})), exceptions.BadRequest)
    begun = []
    try:
        begun.extend(part.data for part in parts_of(client, "talk", {"say": "fail-late"}))
    except (exceptions.GoogleAPICallError, requests.exceptions.ChunkedEncodingError, json_format.ParseError) as error:
        assert "secret" not in str(error), error
    else:
        raise AssertionError(f"a stream that broke off was taken for a whole one: {begun}")
    sums = client.predict(endpoint=endpoint("add"), instances=[value({"a": 1, "b": 2}), value({"a": 0.5, "b": 0})])
    assert [row["sum"] for row in sums.predictions] == [3, 0.5], sums
    body = httpbody_pb2.HttpBody(data=b'{"a": 1, "b": 2}', content_type="application/json")
    raw = client.raw_predict(RawPredictRequest(endpoint=endpoint("add"), http_body=body))
    assert raw.data == b'{"sum":3}', raw
    refused(lambda: client.predict(endpoint=endpoint("add"), instances=[value({"a": 1})]), exceptions.BadRequest)


def floats(array):
    return Tensor(dtype=Tensor.DataType.FLOAT, shape=array.shape, float_val=array.ravel().tolist())


def drive_direct(client):
    for model, name in INPUTS.items():
        x, _, _, _ = held_out(model)
        for inputs in ([floats(x)], [Tensor(struct_val={name: floats(x)})]):
            outputs = client.direct_predict(DirectPredictRequest(endpoint=endpoint(model), inputs=inputs)).outputs
            if len(outputs) == 1:
                outputs = [outputs[0].struct_val["label"], outputs[0].struct_val["probabilities"]]
            label, probabilities = outputs
            assert list(probabilities.shape) == [len(x), len(probabilities.float_val) // len(x)], probabilities.shape
            check(model, list(label.int64_val), np.array(probabilities.float_val).reshape(probabilities.shape))
        as_bytes = Tensor(dtype=Tensor.DataType.FLOAT, shape=x.shape, tensor_val=x.tobytes())
        [answer] = client.server_streaming_predict(StreamingPredictRequest(endpoint=endpoint(model), inputs=[as_bytes]))
        check(model, list(answer.outputs[0].int64_val), np.array(answer.outputs[1].float_val).reshape(len(x), -1))
    whole = [2**63 - 1, -(2**63)]
    ask = DirectPredictRequest(endpoint=endpoint("identity-int64"))
    ask.inputs = [Tensor(dtype=Tensor.DataType.INT64, shape=[1, 2], int64_val=whole)]
    assert list(client.direct_predict(ask).outputs[0].int64_val) == whole
    word = [Tensor(dtype=Tensor.DataType.STRING, shape=[1], string_val=["abc"])]
    parts = client.server_streaming_predict(StreamingPredictRequest(endpoint=endpoint("spell"), inputs=word))
    assert [list(part.outputs[0].string_val) for part in parts] == [["a."], ["b."], ["c."]]
    late = [Tensor(dtype=Tensor.DataType.STRING, shape=[1], string_val=['{"say": "fail-late"}'])]
    failing = StreamingPredictRequest(endpoint=endpoint("talk"), inputs=late)
    try:
        list(client.server_streaming_predict(failing))
    except (exceptions.GoogleAPICallError, requests.exceptions.ChunkedEncodingError, json_format.ParseError, ValueError):
        pass
    else:
        raise AssertionError("a stream that broke off was taken for a whole one")
    one = DirectPredictRequest(endpoint=endpoint("iris"), inputs=[floats(np.ones((1, 3)))])
    refused(lambda: client.direct_predict(one), exceptions.BadRequest)
    one = DirectPredictRequest(endpoint=endpoint("iris"), inputs=[Tensor(shape=[1, 4], float_val=[1, 2, 3, 4])])
    assert "dtype" in refused(lambda: client.direct_predict(one), exceptions.BadRequest).message
    one = DirectPredictRequest(endpoint=endpoint("iris"), inputs=[floats(np.ones((1, 4)))] * 2)
    assert "expected 1 tensors" in refused(lambda: client.direct_predict(one), exceptions.BadRequest).message
    refused(lambda: client.direct_predict(DirectPredictRequest(endpoint=endpoint("no-such"))), exceptions.NotFound)
    request = raw_infer()
    for method in ("/inference.GRPCInferenceService/ModelInfer", "/inference.GRPCInferenceService/ModelInfer/"):
        ask = DirectRawPredictRequest(endpoint=endpoint("iris"), method_name=method, input=request)
        decoded = service_pb2.ModelInferResponse.FromString(client.direct_raw_predict(ask).output)
        assert decoded.model_name == "iris" and len(decoded.outputs) == 2, decoded
    # A method that predicts nothing must not be reached by whoever may predict.
    for method in ("/a.B/C", "", "/inference.GRPCInferenceService/RepositoryModelUnload", "/grpc.health.v1.Health/Check"):
        unknown = DirectRawPredictRequest(endpoint=endpoint("iris"), method_name=method, input=request)
        refused(lambda: client.direct_raw_predict(unknown), exceptions.MethodNotImplemented)
    broken = DirectRawPredictRequest(endpoint=endpoint("iris"), method_name=METHOD, input=b"\xff\xff")
    refused(lambda: client.direct_raw_predict(broken), exceptions.BadRequest)
    elsewhere = DirectRawPredictRequest(endpoint=endpoint("no-such"), method_name=METHOD, input=request)
    refused(lambda: client.direct_raw_predict(elsewhere), exceptions.NotFound)


METHOD = "/inference.GRPCInferenceService/ModelInfer"


def raw_infer():
    x, _, _, _ = held_out("iris")
    tensor = service_pb2.ModelInferRequest.InferInputTensor(name="X", datatype="FP32", shape=x.shape)
    tensor.contents.fp32_contents.extend(x.ravel().tolist())
    return service_pb2.ModelInferRequest(model_name="iris", inputs=[tensor]).SerializeToString()


def drive_direct_over_grpc(client):
    x, _, _, _ = held_out("iris")
    asks = [StreamDirectPredictRequest(endpoint=endpoint("iris"), inputs=[floats(x)]), StreamDirectPredictRequest(inputs=[floats(x)])]
    for answers in (client.stream_direct_predict(iter(asks)), client.streaming_predict(iter(map(streaming, asks)))):
        answers = list(answers)
        assert len(answers) == 2, answers
        for answer in answers:
            check("iris", list(answer.outputs[0].int64_val), np.array(answer.outputs[1].float_val).reshape(len(x), -1))
    request = raw_infer()
    ask = {"endpoint": endpoint("iris"), "method_name": METHOD, "input": request}
    direct, streaming_raw = [kind(**ask) for kind in (StreamDirectRawPredictRequest, StreamingRawPredictRequest)]
    answers = list(client.stream_direct_raw_predict(iter([direct, StreamDirectRawPredictRequest(input=request)])))
    answers += list(client.streaming_raw_predict(iter([streaming_raw])))
    assert len(answers) == 3
    for answer in answers:
        decoded = service_pb2.ModelInferResponse.FromString(answer.output)
        assert decoded.model_name == "iris" and len(decoded.outputs) == 2, decoded


def streaming(ask):
    return StreamingPredictRequest(endpoint=ask.endpoint, inputs=ask.inputs)


def drive(client):
    for model in INPUTS:
        x, _, _, _ = held_out(model)
        answer = client.predict(endpoint=endpoint(model), instances=[value(row) for row in x.tolist()], parameters=value({}))
        check(model, *both(answer.predictions))
        assert answer.model == f"projects/p/locations/us-central1/models/{model}", answer.model
        assert (answer.model_display_name, answer.model_version_id, answer.deployed_model_id) == (model, "1", "1")
        body = json.dumps({"instances": x.tolist()}).encode()
        http_body = httpbody_pb2.HttpBody(data=body, content_type="application/json")
        raw = client.raw_predict(RawPredictRequest(endpoint=endpoint(model), http_body=http_body))
        assert raw.content_type == "application/json", raw
        check(model, *both(json.loads(raw.data)["predictions"]))
        parts = client.stream_raw_predict(StreamRawPredictRequest(endpoint=endpoint(model), http_body=http_body))
        check(model, *both(json.loads(b"".join(part.data for part in parts))["predictions"]))
    drive_handlers(client)
    drive_direct(client)
    keyed = [value({"X": [5.1, 3.5, 1.4, 0.2]})]
    request = PredictRequest(endpoint=endpoint("iris"), labels={"team": "a"})
    request.instances.extend(keyed)
    answer = client.predict(request)
    assert answer.predictions[0]["label"] == 0, answer
    texts = client.predict(endpoint=endpoint("identity-bytes"), instances=[value(["café", ""])])
    assert [list(row) for row in texts.predictions] == [["café", ""]], texts
    split = {client.predict(endpoint=endpoint("77"), instances=keyed).deployed_model_id for _ in range(60)}
    assert split == {"1", "2"}, split
    unknown = refused(lambda: client.predict(endpoint=endpoint("no-such"), instances=keyed), exceptions.NotFound)
    assert "endpoints/no-such" in unknown.message, unknown
    refused(lambda: client.predict(endpoint=endpoint("iris"), instances=[value([1])]), exceptions.BadRequest)
    refused(lambda: client.predict(endpoint=endpoint("iris"), instances=[]), exceptions.BadRequest)
    whole = [value([float(2**60), 1])]
    assert list(client.predict(endpoint=endpoint("identity-int64"), instances=[value([2**53 - 1, 1])]).predictions[0]) == [
        2**53 - 1,
        1,
    ]
    refused(lambda: client.predict(endpoint=endpoint("identity-int64"), instances=whole), exceptions.BadRequest)
    refused(lambda: client.explain(ExplainRequest(endpoint=endpoint("iris"))), exceptions.MethodNotImplemented)


host = os.environ["HTTP"].removeprefix("http://")
credentials = AnonymousCredentials()
rest = PredictionServiceRestTransport(host=host, url_scheme="http", credentials=credentials)
drive(PredictionServiceClient(transport=rest))
over_grpc = PredictionServiceClient(transport=PredictionServiceGrpcTransport(channel=grpc.insecure_channel(os.environ["GRPC"])))
drive(over_grpc)
drive_direct_over_grpc(over_grpc)
print("ok")
