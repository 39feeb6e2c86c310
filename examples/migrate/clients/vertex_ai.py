import grpc
from google.cloud.aiplatform_v1 import PredictionServiceClient
from google.cloud.aiplatform_v1.services.prediction_service.transports import PredictionServiceGrpcTransport

transport = PredictionServiceGrpcTransport(channel=grpc.insecure_channel("127.0.0.1:8081"))
client = PredictionServiceClient(transport=transport)
flowers = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
answer = client.predict(endpoint="projects/p/locations/l/endpoints/iris", instances=flowers)
print([int(row["label"]) for row in answer.predictions])
