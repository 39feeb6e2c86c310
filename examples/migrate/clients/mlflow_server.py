from mlflow.deployments import get_deploy_client

client = get_deploy_client("http://127.0.0.1:5000")
flowers = {"inputs": {"X": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}}
print(client.predict(endpoint="iris", inputs=flowers)["predictions"]["label"])
