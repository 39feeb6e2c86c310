"""Saves an ONNX file in MLflow's own format. Arguments: the file, the folder to make, threads."""

import sys

import mlflow
import onnx

file, folder, threads = sys.argv[1:]
mlflow.onnx.save_model(
    onnx.load(file),
    folder,
    onnx_execution_providers=["CPUExecutionProvider"],
    onnx_session_options={"intra_op_num_threads": int(threads), "inter_op_num_threads": 1},
)
