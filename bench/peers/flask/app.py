"""A Flask application as gunicorn runs it in production."""

from flask import Flask, jsonify, request
from onnx_model import Model

model = Model()
app = Flask(__name__)


@app.post("/predict")
def predict():
    outputs = model.run(request.get_json()["inputs"])
    return jsonify({name: values.tolist() for name, values in outputs.items()})
