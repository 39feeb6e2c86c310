import bentoml

with bentoml.SyncHTTPClient("http://127.0.0.1:3000") as client:
    answer = client.iris(X=[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
print(answer["label"].tolist())
