import json

import boto3

keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
runtime = boto3.client("sagemaker-runtime", endpoint_url="http://127.0.0.1:8080", region_name="us-east-1", **keys)
flowers = json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]})
answer = runtime.invoke_endpoint(EndpointName="iris", ContentType="application/json", Body=flowers)
print([row["label"] for row in json.load(answer["Body"])["predictions"]])
