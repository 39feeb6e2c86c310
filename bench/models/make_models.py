# /// script
# requires-python = ">=3.11,<3.15"
# dependencies = [
#   "numpy==2.3.5",
#   "onnx==1.20.1",
#   "onnxruntime==1.30.0",
# ]
# ///
"""Makes the bench's networks: right shapes, seeded random weights, nothing learnt.

    uv run bench/models/make_models.py [FOLDER]    # default: bench/.models

A bench asks how long a network takes, which its weights do not change as long as they stay in range
(values that vanish or overflow take another path through the processor). So nothing is downloaded and
no training library is needed. The files are too large to commit; the same script gives the same bytes.

    tiny       x FP32 [N, 30]            -> y FP32 [N, 1]     30-64-1, as small as a real one
    mlp        x FP32 [N, 512]           -> y FP32 [N, 10]    512-2048-2048-10, 21 MB
    resnet18   x FP32 [N, 3, 224, 224]   -> y FP32 [N, 1000]  ResNet-18, 47 MB
    mean       x FP32 [N, 2000000]       -> y FP32 [N, 1]     next to nothing to do with much to read
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parent.parent / ".models"


class Network:
    """Adds nodes one after the other; every method takes and returns the name of a value."""

    def __init__(self, name: str, seed: int):
        self.name, self.random = name, np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes) -> str:
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def weight(self, *shape: int, fan_in: int) -> str:
        """He's initialisation: the variance stays the same from layer to layer."""
        values = self.random.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, f"w{len(self.weights)}"))
        return self.weights[-1].name

    def dense(self, x: str, inputs: int, outputs: int, **rest) -> str:
        return self.add(
            "Gemm", x, self.weight(inputs, outputs, fan_in=inputs), self.weight(outputs, fan_in=10_000), **rest
        )

    def conv(self, x: str, inputs: int, outputs: int, size: int, stride: int = 1, scale: float = 1) -> str:
        """A convolution with its batch normalisation folded in, as an exporter for inference writes it."""
        kernel = self.weight(outputs, inputs, size, size, fan_in=inputs * size * size / scale**2)
        bias = self.weight(outputs, fan_in=10_000)
        attributes = {"kernel_shape": [size, size], "strides": [stride, stride], "pads": [size // 2] * 4}
        return self.add("Conv", x, kernel, bias, **attributes)

    def model(self, inputs: list, outputs: list) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)],
            self.weights,
        )
        model = helper.make_model(
            graph, producer_name="servery-bench", ir_version=9, opset_imports=[helper.make_opsetid("", 18)]
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def tiny() -> onnx.ModelProto:
    net = Network("tiny", seed=1)
    hidden = net.add("Relu", net.dense("x", 30, 64))
    net.add("Sigmoid", net.dense(hidden, 64, 1), output="y")
    return net.model(["N", 30], ["N", 1])


def mlp() -> onnx.ModelProto:
    net = Network("mlp", seed=2)
    x = net.add("Relu", net.dense("x", 512, 2048))
    x = net.add("Relu", net.dense(x, 2048, 2048))
    net.add("Softmax", net.dense(x, 2048, 10), output="y", axis=1)
    return net.model(["N", 512], ["N", 10])


def resnet18() -> onnx.ModelProto:
    """He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2015), table 1, 18 layers."""
    net = Network("resnet18", seed=3)
    x = net.add("Relu", net.conv("x", 3, 64, 7, stride=2))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage in range(4):
        for block in range(2):
            inputs, channels = channels, 64 << stage
            stride = 2 if stage > 0 and block == 0 else 1
            inner = net.add("Relu", net.conv(x, inputs, channels, 3, stride))
            # The branch is damped: eight undamped ones would make the values grow from block to block.
            branch = net.conv(inner, channels, channels, 3, scale=0.5)
            shortcut = x if inputs == channels else net.conv(x, inputs, channels, 1, stride)
            x = net.add("Relu", net.add("Add", branch, shortcut))
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    net.dense(x, 512, 1000, output="y")
    return net.model(["N", 3, 224, 224], ["N", 1000])


def mean() -> onnx.ModelProto:
    net = Network("mean", seed=4)
    axes = numpy_helper.from_array(np.array([1]), "axes")
    net.weights.append(axes)
    net.add("ReduceMean", "x", axes.name, output="y")
    return net.model(["N", 2_000_000], ["N", 1])


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")  # the folder ignores itself
    for make in (tiny, mlp, resnet18, mean):
        path = folder / make.__name__ / "1" / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make().SerializeToString(deterministic=True))
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        shape = [2, *session.get_inputs()[0].shape[1:]]
        (y,) = session.run(["y"], {"x": np.random.default_rng(0).random(shape, np.float32)})
        if not np.isfinite(y).all() or np.abs(y).max() > 1000:
            sys.exit(f"error: {make.__name__} answers values out of range")
        print(f"{path}: {path.stat().st_size:,} bytes, {shape} -> {list(y.shape)}, |y| up to {np.abs(y).max():.3g}")
