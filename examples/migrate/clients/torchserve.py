import requests

answer = requests.post("http://127.0.0.1:8080/predictions/iris", json=[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
print([row["label"] for row in answer.json()])
