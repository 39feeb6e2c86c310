"""What most people write: a handler that checks with pydantic and calls ONNX Runtime."""

from fastapi import FastAPI
from onnx_model import Model
from pydantic import BaseModel

model = Model()
app = FastAPI()


class Request(BaseModel):
    inputs: list[list[float]]


@app.post("/predict")
async def predict(request: Request):
    return {name: values.tolist() for name, values in model.run(request.inputs).items()}
