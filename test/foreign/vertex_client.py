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
from google.cloud.aiplatform_v1.types import ExplainRequest, PredictRequest, RawPredictRequest, StreamRawPredictRequest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value
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
drive(PredictionServiceClient(transport=PredictionServiceGrpcTransport(channel=grpc.insecure_channel(os.environ["GRPC"]))))
print("ok")
