"""google-cloud-aiplatform's Endpoint, unmodified, over HTTPS and gRPC with TLS: it finds its address by itself."""

import json
import os
import sys

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from quickstart import INPUTS, check, held_out
import numpy as np

JSON = {"Content-Type": "application/json"}


def endpoint_at(address, transport):
    aiplatform.init(
        project="p",
        location="us-central1",
        api_endpoint=address,
        api_transport=transport,
        credentials=AnonymousCredentials(),
    )
    return aiplatform.Endpoint


def check_rows(model, rows):
    check(model, np.array([int(row["label"]) for row in rows]), np.array([list(row["probabilities"]) for row in rows]))


def common(Endpoint):
    for model in INPUTS:
        x, _, _, _ = held_out(model)
        answer = Endpoint(model).predict(instances=x.tolist(), parameters={})
        check_rows(model, answer.predictions)
        assert answer.model_resource_name == f"projects/p/locations/us-central1/models/{model}", answer
        assert (answer.model_version_id, answer.deployed_model_id) == ("1", "1"), answer
    assert Endpoint("77").traffic_split == {"1": 50, "2": 50}
    assert {deployed.id for deployed in Endpoint("77").list_models()} == {"1", "2"}


def refused(call, *kinds):
    try:
        call()
    except kinds as error:
        return str(error)
    raise AssertionError(f"not refused: {kinds}")


def over_rest(Endpoint):
    common(Endpoint)
    for model in INPUTS:
        x, _, _, _ = held_out(model)
        body = json.dumps({"instances": x.tolist()}).encode()
        raw = Endpoint(model).raw_predict(body, JSON)
        assert raw.status_code == 200 and raw.headers["X-Vertex-AI-Deployed-Model-Id"] == "1", raw.text
        check_rows(model, raw.json()["predictions"])
        lines = list(Endpoint(model).stream_raw_predict(body, JSON))
        check_rows(model, json.loads(b"".join(lines))["predictions"])
        answer = Endpoint(model).predict(x.tolist(), use_raw_predict=True)
        check_rows(model, answer.predictions)
        assert answer.model_version_id == "1", answer
    # Its lines are those of the text.
    assert list(Endpoint("talk").stream_raw_predict(b'{"say": "text"}', JSON)) == [b"one two", "lines drei ü".encode()]
    values = Endpoint("talk").stream_raw_predict(b'{"say": "values"}', JSON)
    assert [json.loads(line) for line in values] == [{"a": 1}, [2], 3, None]
    bad = Endpoint("iris").raw_predict(b'{"instances": [[1]]}', JSON)
    assert bad.status_code == 400 and bad.json()["error"]["status"] == "INVALID_ARGUMENT", bad.text
    assert Endpoint("talk").raw_predict(b'{"say": "unheard"}', JSON).status_code == 400
    assert "400" in refused(lambda: Endpoint("iris").predict([[1]]), ValueError)
    refused(lambda: Endpoint("no-such").predict([[1]]), exceptions.NotFound)
    refused(lambda: list(Endpoint("talk").stream_raw_predict(b'{"say": "fail-late"}', JSON)), Exception)


def over_grpc(Endpoint):
    common(Endpoint)
    refused(lambda: Endpoint("iris").predict([[1]]), exceptions.BadRequest)
    refused(lambda: Endpoint("no-such").predict([[1]]), exceptions.NotFound)


def explained(Endpoint):
    instances = [{"a": 1, "b": 2}, {"a": 0.5, "b": 0}]
    answer = Endpoint("risk").explain(instances)
    assert [row for row in answer.predictions] == [4, 1], answer
    given = [dict(one.attributions[0].feature_attributions) for one in answer.explanations]
    assert given == [{"a": 2, "b": 2}, {"a": 1, "b": 0}], given
    assert answer.deployed_model_id == "1", answer
    [whole] = Endpoint("risk").explain(instances[:1], parameters={"form": "whole"}, deployed_model_id="1").explanations
    [attribution] = whole.attributions
    assert (attribution.baseline_output_value, attribution.instance_output_value) == (0.5, 4), attribution
    assert (list(attribution.output_index), attribution.output_name) == ([0], "sum"), attribution
    refused(lambda: Endpoint("iris").explain([[1, 2, 3, 4]]), exceptions.MethodNotImplemented)
    refused(lambda: Endpoint("risk").explain(instances, deployed_model_id="9"), exceptions.NotFound)
    refused(lambda: Endpoint("risk").explain([{"a": 1}]), exceptions.BadRequest)


for address, transport, drive in (
    (os.environ["HTTPS"], "rest", over_rest),
    (os.environ["GRPC"], "grpc", over_grpc),
):
    Endpoint = endpoint_at(address, transport)
    drive(Endpoint)
    explained(Endpoint)
print("ok")
sys.stdout.flush()
# Its channels keep threads that wait for the collector.
os._exit(0)
