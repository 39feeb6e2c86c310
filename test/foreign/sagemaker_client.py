"""Amazon's own client, unmodified: invocations in every form, streams of events, and what it raises for failures."""

import io
import json
import os

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

try:
    client("wrong").invoke_endpoint(EndpointName="iris", Body="[[1,2,3,4]]")
except ClientError as error:
    assert error.response["Error"]["Code"] == "InvalidSignatureException", error.response
else:
    raise AssertionError("a wrong signature was let in")
print("ok")
