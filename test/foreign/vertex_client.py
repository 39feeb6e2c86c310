"""Google's own client, unmodified, over REST and gRPC: predictions, raw bytes, and what it raises for failures."""

import json
import os

import grpc
import numpy as np
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
