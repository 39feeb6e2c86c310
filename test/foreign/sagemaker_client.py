"""Amazon's own client, unmodified: invocations in every form, streams of events, and what it raises for failures."""

import io
import json
import os
import pathlib
import time
from urllib.parse import urlparse
from urllib.request import url2pathname

import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import ClientError
from quickstart import INPUTS, check, held_out


def client(secret="right"):
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=os.environ["HTTP"],
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def both(rows):
    return np.array([row["label"] for row in rows]), np.array([row["probabilities"] for row in rows])


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


runtime = client()
for model in INPUTS:
    x, _, _, _ = held_out(model)
    # Without a ContentType, as boto3 then declares none.
    answer = runtime.invoke_endpoint(EndpointName=model, Body=json.dumps({"instances": x.tolist()}))
    assert answer["ContentType"] == "application/json" and answer["InvokedProductionVariant"] == "AllTraffic", answer
    check(model, *both(json.loads(answer["Body"].read())["predictions"]))
    answer = runtime.invoke_endpoint(
        EndpointName=model, ContentType="application/json", Accept="application/json", Body=json.dumps(x.tolist())
    )
    check(model, *both(json.loads(answer["Body"].read())))
    csv = io.StringIO()
    np.savetxt(csv, x, delimiter=",", fmt="%.9g")
    answer = runtime.invoke_endpoint(EndpointName=model, ContentType="text/csv", Accept="application/jsonlines", Body=csv.getvalue())
    rows = [json.loads(line) for line in answer["Body"].read().splitlines()]
    assert len(rows) == len(x), len(rows)
    answer = runtime.invoke_endpoint(EndpointName=model, ContentType="text/csv", Body=csv.getvalue())
    cells = np.loadtxt(io.BytesIO(answer["Body"].read()), delimiter=",", dtype=str)
    check(model, cells[:, 0].astype(np.int64), cells[:, 1:].astype(np.float32))
    answer = runtime.invoke_endpoint(
        EndpointName=model, ContentType="application/x-npy", Accept="application/json", Body=npy(x.astype(np.float64))
    )
    check(model, *both(json.loads(answer["Body"].read())))
    stream = runtime.invoke_endpoint_with_response_stream(EndpointName=model, ContentType="text/csv", Body=csv.getvalue())
    assert stream["ContentType"] == "text/csv", stream
    body = b"".join(event["PayloadPart"]["Bytes"] for event in stream["Body"])
    assert np.loadtxt(io.BytesIO(body), delimiter=",", dtype=str).tolist() == cells.tolist()

whole = np.array([[2**63 - 1, -(2**63)]], dtype=np.int64)
answer = runtime.invoke_endpoint(
    EndpointName="identity-int64", ContentType="application/x-npy", Accept="application/x-npy", Body=npy(whole)
)
assert np.array_equal(np.load(io.BytesIO(answer["Body"].read()), allow_pickle=False), whole)

for name, status, more in (
    ("ValidationError", 400, {"EndpointName": "nobody"}),
    ("ValidationError", 400, {"TargetVariant": "nobody"}),
    ("ValidationError", 400, {"TargetModel": "iris.tar.gz"}),
    ("ModelError", 424, {"Body": "[[1]]"}),
    ("ModelError", 424, {"ContentType": "text/libsvm"}),
    ("ModelError", 424, {"Body": "[[1,2,3,4", "CustomAttributes": "a=b"}),
):
    call = {"EndpointName": "iris", "ContentType": "application/json", "Body": "[[1,2,3,4]]", **more}
    streamed = () if "TargetModel" in more else (runtime.invoke_endpoint_with_response_stream,)
    for operation in (runtime.invoke_endpoint, *streamed):
        try:
            operation(**call)
        except ClientError as error:
            got = error.response
            assert got["Error"]["Code"] == name, got
            assert got["ResponseMetadata"]["HTTPStatusCode"] == status, got
            if name == "ModelError":
                assert got["OriginalStatusCode"] in (400, 415), got
                assert json.loads(got["OriginalMessage"])["code"], got
        else:
            raise AssertionError(f"not refused: {more}")

# What users of the real thing send besides: every type, odd declarations, and members that no model here has.
row = [5.1, 3.5, 1.4, 0.2]
text = "5.1,3.5,1.4,0.2"


def label(**call):
    answer = runtime.invoke_endpoint(**{"EndpointName": "iris", **call})
    body = json.loads(answer["Body"].read().splitlines()[0])
    while isinstance(body, (list, dict)):
        body = body[0] if isinstance(body, list) else body.get("label", body.get("predictions"))
    return body


as_json = {"Accept": "application/json"}
for call in (
    {"ContentType": "text/csv; charset=utf-8", "Body": text, **as_json},
    {"ContentType": "text/csv", "Body": "\ufeff" + text + "\r\n\r\n", **as_json},
    {"ContentType": "text/csv", "Body": text, "Accept": "application/*"},
    {"ContentType": "text/csv", "Body": text, "Accept": "image/png, application/jsonlines;q=0.1"},
    {"ContentType": "application/jsonlines", "Body": json.dumps(row)},
    {"ContentType": "Application/JSON", "Body": json.dumps([row]), "CustomAttributes": "a=b", "InferenceId": "i 1"},
    # Two outputs are no array, so that an array is answered as JSON.
    {"ContentType": "application/x-npy", "Body": npy(np.array([row]))},
    {"ContentType": "application/x-npy", "Body": npy(np.array([row], dtype=">f8")), "Accept": "*/*"},
    # As pandas has the values of a table.
    {"ContentType": "application/x-npy", "Body": npy(np.asfortranarray([row, [6.3, 3.3, 6.0, 2.5]]))},
    {"Body": json.dumps([row]), "TargetVariant": "AllTraffic"},
):
    assert label(**call) == 0, call

for name, status, original, more in (
    ("ValidationError", 400, None, {"InferenceComponentName": "part"}),
    ("ValidationError", 400, None, {"EnableExplanations": "`true`"}),
    ("ValidationError", 400, None, {"SessionId": "NEW_SESSION"}),
    ("ValidationError", 400, None, {"TargetContainerHostname": "second"}),
    ("ValidationError", 400, None, {"CustomAttributes": "x" * 1025}),
    ("ValidationError", 400, None, {"InferenceId": "x" * 65}),
    ("ValidationError", 400, None, {"Body": b"1" * (65 * 2**20)}),
    ("ModelError", 424, 415, {"Accept": "image/png"}),
    ("ModelError", 424, 415, {"Accept": "application/x-npy"}),
    ("ModelError", 424, 415, {"ContentType": "application/x-npz"}),
    ("ModelError", 424, 415, {"ContentType": "application/x-recordio-protobuf"}),
    ("ModelError", 424, 400, {"ContentType": "application/x-npy", "Body": npy(np.array([["a"]], dtype=object))}),
    ("ModelError", 424, 400, {"ContentType": "text/csv", "Body": ""}),
):
    try:
        runtime.invoke_endpoint(**{"EndpointName": "iris", "ContentType": "text/csv", "Body": text, **more})
    except ClientError as error:
        got = error.response
        assert got["Error"]["Code"] == name, got
        assert got["ResponseMetadata"]["HTTPStatusCode"] == status, got
        assert got.get("OriginalStatusCode") == original, got
    else:
        raise AssertionError(f"not refused: {list(more)}")

# Asynchronous invocations: only the locations are files.
folder = pathlib.Path(os.environ["WORKSPACE"], ".servery", "requests", "input")
folder.mkdir(parents=True, exist_ok=True)
x, _, _, _ = held_out("iris")
(folder / "rows.npy").write_bytes(npy(x))
(folder / "bad.csv").write_text("1,2\n")


def read(location):
    path = pathlib.Path(url2pathname(urlparse(location).path))
    for _ in range(600):
        if path.exists():
            return path.read_bytes()
        time.sleep(0.1)
    raise AssertionError(f"{location} does not appear")


accepted = runtime.invoke_endpoint_async(
    EndpointName="iris",
    InputLocation=(folder / "rows.npy").as_uri(),
    ContentType="application/x-npy",
    Accept="application/json",
    InferenceId="night-1",
    RequestTTLSeconds=3600,
    InvocationTimeoutSeconds=60,
)
assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202, accepted
assert accepted["InferenceId"] == "night-1" and accepted["FailureLocation"], accepted
check("iris", *both(json.loads(read(accepted["OutputLocation"]))))
inline = runtime.invoke_endpoint_async(EndpointName="iris", Body=text.encode(), ContentType="text/csv")
assert read(inline["OutputLocation"]).startswith(b"0,"), inline
bad = runtime.invoke_endpoint_async(
    EndpointName="iris", InputLocation=(folder / "bad.csv").as_uri(), ContentType="text/csv"
)
assert json.loads(read(bad["FailureLocation"]))["OriginalStatusCode"] == 400, bad
for more in (
    {"InputLocation": "s3://bucket/key"},
    {"InputLocation": "file:///etc/passwd"},
    {"InputLocation": folder.as_uri() + "/../../server.json"},
    {"EndpointName": "nobody"},
    {"RequestTTLSeconds": 21601},
):
    try:
        runtime.invoke_endpoint_async(
            **{"EndpointName": "iris", "InputLocation": (folder / "bad.csv").as_uri(), **more}
        )
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationError", error.response
    else:
        raise AssertionError(f"not refused: {more}")

try:
    client("wrong").invoke_endpoint(EndpointName="iris", Body="[[1,2,3,4]]")
except ClientError as error:
    assert error.response["Error"]["Code"] == "InvalidSignatureException", error.response
else:
    raise AssertionError("a wrong signature was let in")
print("ok")
