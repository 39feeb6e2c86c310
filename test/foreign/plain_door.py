"""The plain door with `requests`: JSON, NDJSON and CSV, one by one and together; and what bad rows are told."""

import csv
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import requests
from quickstart import INPUTS, LABELS, check, held_out

http = os.environ["HTTP"]
session = requests.Session()

for model in INPUTS:
    x, features, _, _ = held_out(model)
    url = f"{http}/models/{model}/predict"
    rows = [dict(zip(features, map(float, row))) for row in x]

    answer = session.post(url, json={"rows": rows}).json()
    assert answer["model"] == model and answer["version"] == 1
    check(model, [row["label"] for row in answer["rows"]], [row["probabilities"] for row in answer["rows"]])

    body = "".join(json.dumps(row) + "\n" for row in rows)
    lines = session.post(url, data=body, headers={"content-type": "application/x-ndjson"}).text.splitlines()
    parsed = [json.loads(line) for line in lines]
    check(model, [row["label"] for row in parsed], [row["probabilities"] for row in parsed])

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(features)
    writer.writerows([[repr(float(value)) for value in row] for row in x])
    table = session.post(url, data=text.getvalue(), headers={"content-type": "text/csv"}).text
    parsed = list(csv.DictReader(io.StringIO(table)))
    check(model, [int(row["label"]) for row in parsed], [json.loads(row["probabilities"]) for row in parsed])

    with ThreadPoolExecutor(16) as pool:
        alone = list(pool.map(lambda row: requests.post(url, json={"rows": [row]}).json()["rows"][0], rows[:50]))
    assert alone == answer["rows"][:50], "a row among others gets the answer that it gets alone, bit for bit"

    if model != "digits":
        labelled = session.post(f"{url}?labels=true", json={"rows": rows[:3]}).json()["rows"]
        assert [LABELS[model].index(row["label"]) for row in labelled] == [row["label"] for row in answer["rows"][:3]]

bad = session.post(f"{http}/models/iris/predict", json={"rows": [{"sepal_length": "secret-4711"}]})
assert bad.status_code == 400 and bad.json()["code"] == "INVALID_INPUT" and "secret-4711" not in bad.text
form = session.post(f"{http}/models/iris/predict", data={"a": "b"})
assert form.status_code == 415
assert session.post(f"{http}/models/nope/predict", json={"rows": []}).status_code == 404
print("ok")
