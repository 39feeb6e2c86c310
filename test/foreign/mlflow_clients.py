"""MLflow's own clients, unmodified: the client of its scoring server, and the one of deployments."""

import json
import os

import mlflow
import numpy as np
import pandas as pd
from mlflow.deployments import get_deploy_client
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from quickstart import INPUTS, check, held_out

host, port = os.environ["MLFLOW"].rsplit(":", 1)
server = ScoringServerClient(host, int(port))
server.wait_server_ready(timeout=10)
assert server.get_version() == mlflow.__version__, server.get_version()

# `protocols.mlflow.model` names iris.
x, features, _, _ = held_out("iris")
frame = pd.DataFrame(x.astype(np.float64), columns=features)
for columns in (features, list(reversed(features))):
    answer = server.invoke(frame[columns]).get_predictions()
    check("iris", answer["label"], np.array(answer["probabilities"].tolist()))
# It sends text as it is; of a dictionary it would fail to make anything.
for tensors in (x, json.dumps({"inputs": {"X": x.tolist()}})):
    answer = server.invoke(tensors)["predictions"]
    check("iris", answer["label"], answer["probabilities"])

for bad, word in ((frame[features[:2]], "SCHEMA_ENFORCEMENT_FAILED"), (np.ones((1, 3)), "SCHEMA_ENFORCEMENT_FAILED")):
    try:
        server.invoke(bad)
    except Exception as error:
        assert "error code 400" in str(error) and word in str(error), error
    else:
        raise AssertionError("a bad request was let in")

deployments = get_deploy_client(f"http://{host}:{port}")
for model, name in INPUTS.items():
    x, _, _, _ = held_out(model)
    answer = deployments.predict(endpoint=model, inputs={"inputs": {name: x.astype(np.float64).tolist()}})["predictions"]
    check(model, answer["label"], answer["probabilities"])
assert deployments.get_endpoint("iris").endpoint_url == f"http://{host}:{port}/endpoints/iris/invocations"
assert set(INPUTS) <= {endpoint.name for endpoint in deployments.list_endpoints()}

print("ok")
