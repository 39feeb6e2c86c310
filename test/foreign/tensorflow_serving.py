"""TensorFlow Serving's gRPC and REST calls, by messages written from the names and numbers of its .proto files.

The package `tensorflow-serving-api` needs all of TensorFlow, so the descriptors are built here.
"""

import json
import math
import os
import struct
import urllib.error
import urllib.request

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

F = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    "string": F.TYPE_STRING,
    "bytes": F.TYPE_BYTES,
    "int32": F.TYPE_INT32,
    "int64": F.TYPE_INT64,
    "uint32": F.TYPE_UINT32,
    "uint64": F.TYPE_UINT64,
    "float": F.TYPE_FLOAT,
    "double": F.TYPE_DOUBLE,
    "bool": F.TYPE_BOOL,
}

# message -> "name number type"; * is repeated, a type `map:KEY:VALUE` is a map.
MESSAGES = {
    "Int64Value": ["value 1 int64"],
    "ModelSpec": ["name 1 string", "version 2 Int64Value", "signature_name 3 string", "version_label 4 string"],
    "Dim": ["size 1 int64", "name 2 string"],
    "TensorShapeProto": ["dim 2 *Dim", "unknown_rank 3 bool"],
    "TensorProto": [
        "dtype 1 int32",
        "tensor_shape 2 TensorShapeProto",
        "version_number 3 int32",
        "tensor_content 4 bytes",
        "float_val 5 *float",
        "double_val 6 *double",
        "int_val 7 *int32",
        "string_val 8 *bytes",
        "int64_val 10 *int64",
        "bool_val 11 *bool",
        "half_val 13 *int32",
        "uint32_val 16 *uint32",
        "uint64_val 17 *uint64",
    ],
    "PredictRequest": ["model_spec 1 ModelSpec", "inputs 2 map:string:TensorProto", "output_filter 3 *string"],
    "PredictResponse": ["outputs 1 map:string:TensorProto", "model_spec 2 ModelSpec"],
    "BytesList": ["value 1 *bytes"],
    "FloatList": ["value 1 *float"],
    "Int64List": ["value 1 *int64"],
    "Feature": ["bytes_list 1 BytesList", "float_list 2 FloatList", "int64_list 3 Int64List"],
    "Features": ["feature 1 map:string:Feature"],
    "Example": ["features 1 Features"],
    "ExampleList": ["examples 1 *Example"],
    "ExampleListWithContext": ["examples 1 *Example", "context 2 Example"],
    "Input": ["example_list 1 ExampleList", "example_list_with_context 2 ExampleListWithContext"],
    "ExamplesRequest": ["model_spec 1 ModelSpec", "input 2 Input"],
    "Class": ["label 1 string", "score 2 float"],
    "Classifications": ["classes 1 *Class"],
    "ClassificationResult": ["classifications 1 *Classifications"],
    "ClassificationResponse": ["result 1 ClassificationResult", "model_spec 2 ModelSpec"],
    "Regression": ["value 1 float"],
    "RegressionResult": ["regressions 1 *Regression"],
    "RegressionResponse": ["result 1 RegressionResult", "model_spec 2 ModelSpec"],
    "InferenceTask": ["model_spec 1 ModelSpec", "method_name 2 string"],
    "InferenceResult": [
        "model_spec 1 ModelSpec",
        "classification_result 2 ClassificationResult",
        "regression_result 3 RegressionResult",
    ],
    "MultiInferenceRequest": ["tasks 1 *InferenceTask", "input 2 Input"],
    "MultiInferenceResponse": ["results 1 *InferenceResult"],
    "GetModelMetadataRequest": ["model_spec 1 ModelSpec", "metadata_field 2 *string"],
    "Any": ["type_url 1 string", "value 2 bytes"],
    "GetModelMetadataResponse": ["model_spec 1 ModelSpec", "metadata 2 map:string:Any"],
    "TensorInfo": ["name 1 string", "dtype 2 int32", "tensor_shape 3 TensorShapeProto"],
    "SignatureDef": ["inputs 1 map:string:TensorInfo", "outputs 2 map:string:TensorInfo", "method_name 3 string"],
    "SignatureDefMap": ["signature_def 1 map:string:SignatureDef"],
    "GetModelStatusRequest": ["model_spec 1 ModelSpec"],
    "StatusProto": ["error_code 1 int32", "error_message 2 string"],
    "ModelVersionStatus": ["version 1 int64", "state 2 int32", "status 3 StatusProto"],
    "GetModelStatusResponse": ["model_version_status 1 *ModelVersionStatus"],
    "Latest": ["num_versions 1 uint32"],
    "All": [],
    "Specific": ["versions 1 *int64"],
    "VersionPolicy": ["latest 100 Latest", "all 101 All", "specific 102 Specific"],
    "ModelConfig": [
        "name 1 string",
        "base_path 2 string",
        "model_version_policy 7 VersionPolicy",
        "version_labels 8 map:string:int64",
    ],
    "ModelConfigList": ["config 1 *ModelConfig"],
    "ModelServerConfig": ["model_config_list 1 ModelConfigList"],
    "ReloadConfigRequest": ["config 1 ModelServerConfig"],
    "ReloadConfigResponse": ["status 1 StatusProto"],
}


def add_field(message, name, number, kind):
    field = message.field.add(name=name, number=int(number), label=F.LABEL_OPTIONAL)
    if kind.startswith("map:"):
        _, key, value = kind.split(":")
        entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        add_field(entry, "key", 1, key)
        add_field(entry, "value", 2, value)
        kind = "*" + message.name + "." + entry.name
    if kind.startswith("*"):
        field.label, kind = F.LABEL_REPEATED, kind[1:]
    if kind in SCALARS:
        field.type = SCALARS[kind]
    else:
        field.type, field.type_name = F.TYPE_MESSAGE, ".tfs." + kind


def build():
    file = descriptor_pb2.FileDescriptorProto(name="tfs.proto", package="tfs", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            add_field(message, *field.split(" "))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName("tfs." + name)) for name in MESSAGES}


M = build()
CHANNEL = grpc.insecure_channel(os.environ["GRPC"])


def call(service, method, request, response):
    invoke = CHANNEL.unary_unary(
        f"/tensorflow.serving.{service}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=M[response].FromString,
    )
    return invoke(request, timeout=20)


def refused(code, text, run):
    try:
        run()
    except grpc.RpcError as error:
        assert error.code() == code, error
        assert text in error.details(), error.details()
        return
    raise AssertionError(f"expected {code}")


def predicting(model, inputs, **spec):
    request = M["PredictRequest"]()
    request.model_spec.name = model
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    request.model_spec.version_label = spec.get("label", "")
    if "version" in spec:
        request.model_spec.ClearField("version_label")
    request.model_spec.signature_name = spec.get("signature", "")
    request.output_filter.extend(spec.get("filter", []))
    for name, tensor in inputs.items():
        request.inputs[name].CopyFrom(tensor)
    return request


def predict(model, inputs, **spec):
    return call("PredictionService", "Predict", predicting(model, inputs, **spec), "PredictResponse")


def tensor(dtype, shape, **values):
    proto = M["TensorProto"](dtype=dtype, **values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def shape(proto):
    return [dim.size for dim in proto.tensor_shape.dim]


# Predict: lists, bytes, a value for all, another version, a label, a filter.
answer = predict("half-plus-two", {"x": tensor(1, [3], float_val=[2, 3, 4])})
assert tuple(answer.outputs["y"].float_val) == (3.0, 3.5, 4.0)
assert (answer.outputs["y"].dtype, shape(answer.outputs["y"])) == (1, [3])
assert (answer.model_spec.name, answer.model_spec.version.value) == ("half-plus-two", 1)
answer = predict("half-plus-two", {"x": tensor(1, [2], tensor_content=struct.pack("<2f", 1, 8))})
assert tuple(answer.outputs["y"].float_val) == (2.5, 6.0)
answer = predict("half-plus-two", {"x": tensor(1, [4], float_val=[2])})
assert tuple(answer.outputs["y"].float_val) == (3.0,) * 4
one = {"x": tensor(1, [1], float_val=[1])}
for spec, expected in [({"version": 2}, 2.0), ({"label": "stable"}, 1.0), ({}, 3.0)]:
    answer = predict("versions", one, **spec)
    assert tuple(answer.outputs["y"].float_val) == (expected,), spec
# Without an axis, as the original's manual client asks.
scalar = M["TensorProto"](dtype=1, float_val=[2])
answer = predict("half-plus-two", {"x": scalar})
assert (list(answer.outputs["y"].float_val), shape(answer.outputs["y"])) == ([3.0], [])
both = {"x": tensor(1, [1, 1], float_val=[2])}
assert set(predict("half-plus-two-and-three", both).outputs) == {"y", "y2"}
assert set(predict("half-plus-two-and-three", both, filter=["y2"]).outputs) == {"y2"}

# Every datatype, in its list and as bytes.
TYPES = [
    ("bool", 10, "bool_val", [True, False], "??"),
    ("uint8", 4, "int_val", [0, 255], "BB"),
    ("uint16", 17, "int_val", [0, 65535], "HH"),
    ("uint32", 22, "uint32_val", [0, 2**32 - 1], "II"),
    ("uint64", 23, "uint64_val", [1, 2**64 - 1], "QQ"),
    ("int8", 6, "int_val", [-128, 127], "bb"),
    ("int16", 5, "int_val", [-(2**15), 2**15 - 1], "hh"),
    ("int32", 3, "int_val", [-(2**31), 2**31 - 1], "ii"),
    ("int64", 9, "int64_val", [-(2**63), 2**53 + 1], "qq"),
    ("fp16", 19, "half_val", [0x3C00, 0xFC00], "HH"),
    ("fp32", 1, "float_val", [-1.5, math.inf], "ff"),
    ("fp64", 2, "double_val", [-1.5, 5e-324], "dd"),
]
for name, dtype, field, values, form in TYPES:
    packed = struct.pack("<" + form, *values)
    for sent in (tensor(dtype, [1, 2], **{field: values}), tensor(dtype, [1, 2], tensor_content=packed)):
        got = predict(f"identity-{name}", {"x": sent}).outputs["y"]
        # In the list, as the original answers: its own clients read nothing else.
        assert (list(getattr(got, field)), got.dtype, shape(got)) == (values, dtype, [1, 2]), name
        assert got.tensor_content == b"", name
texts = ["grüße".encode(), b""]
content = bytes(len(text) for text in texts) + b"".join(texts)
for sent in (tensor(7, [1, 2], string_val=texts), tensor(7, [1, 2], tensor_content=content)):
    assert list(predict("identity-bytes", {"x": sent}).outputs["y"].string_val) == texts

# What is wrong is refused in the words and with the status of the original.
X = {"x": tensor(1, [1], float_val=[1])}
BAD, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
refused(MISSING, "Servable not found for request: Latest(nobody)", lambda: predict("nobody", X))
refused(MISSING, "Specific(versions, 9)", lambda: predict("versions", X, version=9))
refused(BAD, "Unrecognized servable version label", lambda: predict("versions", X, label="none"))
refused(BAD, "ModelSpec has no name specified.", lambda: predict("", X))
for method in ("Predict", "Classify", "GetModelMetadata"):
    request = M["GetModelMetadataRequest"](metadata_field=["signature_def"]) if method.startswith("Get") else M["PredictRequest"]()
    if method == "Classify":
        request = M["ExamplesRequest"]()
        request.input.example_list.examples.add()
    refused(BAD, "Missing ModelSpec", lambda: call("PredictionService", method, request, "Any"))
refused(grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "other" not found.', lambda: predict("half-plus-two", X, signature="other"))
refused(BAD, "output tensor alias not found", lambda: predict("half-plus-two", X, filter=["z"]))
refused(BAD, "0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.", lambda: predict("half-plus-two", {}))
refused(BAD, "Sent extra: {z}", lambda: predict("half-plus-two", {**X, "z": tensor(1, [1], float_val=[1])}))
refused(BAD, "Expects arg[0] to be float but int32 is provided", lambda: predict("half-plus-two", {"x": tensor(3, [1], int_val=[1])}))
refused(BAD, "Expects arg[0] to be float but string is provided", lambda: predict("half-plus-two", {"x": tensor(7, [1], string_val=[b"a"])}))
refused(BAD, "alias not found in signature: z Outputs expected", lambda: predict("half-plus-two", X, filter=["z"]))
refused(BAD, "DataType 8", lambda: predict("half-plus-two", {"x": tensor(8, [1])}))
refused(BAD, "elements of its shape", lambda: predict("half-plus-two", {"x": tensor(1, [1], float_val=[1, 2])}))
refused(BAD, "bytes of its shape", lambda: predict("half-plus-two", {"x": tensor(1, [2], tensor_content=b"1234")}))
refused(BAD, "negative size", lambda: predict("half-plus-two", {"x": tensor(1, [-1], float_val=[1])}))
refused(BAD, "too many axes", lambda: predict("half-plus-two", {"x": tensor(1, [2**40], float_val=[1])}))
refused(BAD, "elements of its shape", lambda: predict("half-plus-two", {"x": tensor(1, [2**25], float_val=[1])}))
refused(BAD, "out of range for UINT8", lambda: predict("identity-uint8", {"x": tensor(4, [1, 2], int_val=[0, 256])}))


# Classify and Regress.
def examples(model, signature, rows, context=None):
    request = M["ExamplesRequest"]()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    target = request.input.example_list if context is None else request.input.example_list_with_context
    for row in rows:
        fill(target.examples.add(), row)
    if context is not None:
        fill(target.context, context)
    return request


def fill(example, row):
    for name, value in row.items():
        example.features.feature[name].float_list.value.extend(value if isinstance(value, list) else [value])


def regress(*args):
    answer = call("PredictionService", "Regress", examples(*args), "RegressionResponse")
    return [regression.value for regression in answer.result.regressions]


def classify(*args):
    answer = call("PredictionService", "Classify", examples(*args), "ClassificationResponse")
    return [[(one.label, one.score) for one in row.classes] for row in answer.result.classifications]


assert regress("half-plus-two", "regress_x_to_y", [{"x": 2.0}]) == [3.0]
assert regress("half-plus-two", "", [{"x": 80.0}, {"x": 2.0}]) == [42.0, 3.0]
assert regress("half-plus-two", "", [{}, {"x": 4.0}], {"x": 2.0}) == [3.0, 4.0]
assert regress("half-plus-two-and-three", "regress_x_to_y2", [{"x": 2.0}]) == [4.0]
assert classify("half-plus-two", "classify_x_to_y", [{"x": 2.0}]) == [[("", 3.0)]]
iris = classify("iris", "", [{"X": [5.1, 3.5, 1.4, 0.2]}])[0]
assert max(iris, key=lambda one: one[1])[0] == "setosa" and len(iris) == 3, iris
refused(BAD, "Input is empty", lambda: regress("half-plus-two", "", []))
refused(BAD, "No signature was found", lambda: regress("half-plus-two", "other", [{"x": 1.0}]))
refused(BAD, "method_name to be tensorflow/serving/regress", lambda: regress("half-plus-two", "classify_x_to_y", [{"x": 1.0}]))
refused(BAD, "several outputs", lambda: regress("half-plus-two-and-three", "", [{"x": 1.0}]))
refused(BAD, '"x" is missing', lambda: regress("half-plus-two", "", [{"z": 1.0}]))

# Several signatures of one model, by their names.
FAMILY = "half-plus-two-family"
assert regress(FAMILY, "regress_x_to_y", [{"x": 2.0}]) == [3.0]
assert regress(FAMILY, "regress_x_to_y2", [{"x": 2.0}]) == [4.0]
assert regress(FAMILY, "regress_x2_to_y3", [{"x2": 4.0}, {"x": 9.0, "x2": 80.0}]) == [5.0, 43.0]
assert classify(FAMILY, "classify_x_to_y", [{"x": 2.0}]) == [[("", 3.0)]]
assert classify(FAMILY, "classify_x2_to_y3", [{"x2": 4.0}]) == [[("", 5.0)]]
answer = predict(FAMILY, {"x": tensor(1, [3], float_val=[2, 3, 4])})
assert set(answer.outputs) == {"y"} and answer.model_spec.signature_name == "serving_default"
assert tuple(answer.outputs["y"].float_val) == (3.0, 3.5, 4.0)
refused(BAD, "No signature was found with the name", lambda: regress(FAMILY, "regress_x_to_y4", [{"x": 1.0}]))
refused(BAD, "Was: tensorflow/serving/predict", lambda: regress(FAMILY, "", [{"x": 1.0}]))
refused(BAD, "Was: tensorflow/serving/regress", lambda: classify(FAMILY, "regress_x_to_y", [{"x": 1.0}]))
refused(BAD, "2!=1 len({x,x2}) != len({x}). Sent extra: {x2}. Missing but required: {}.", lambda: predict(FAMILY, {**X, "x2": X["x"]}))
refused(BAD, "input size does not match", lambda: predict(FAMILY, {"x2": X["x"]}))
refused(BAD, "set {y}.", lambda: predict(FAMILY, X, filter=["y2"]))
refused(BAD, "duplicate output tensor alias", lambda: predict(FAMILY, X, filter=["y", "y"]))
refused(grpc.StatusCode.FAILED_PRECONDITION, 'key "none" not found', lambda: predict(FAMILY, X, signature="none"))


def multi(tasks, rows, model=FAMILY):
    request = M["MultiInferenceRequest"]()
    for name, method in tasks:
        task = request.tasks.add(method_name="tensorflow/serving/" + method)
        task.model_spec.name = model
        task.model_spec.signature_name = name
    for row in rows:
        fill(request.input.example_list.examples.add(), row)
    return call("PredictionService", "MultiInference", request, "MultiInferenceResponse").results


TASKS = [("regress_x_to_y", "regress"), ("classify_x_to_y", "classify")]
first, second = multi(TASKS, [{"x": 2.0}])
assert (first.model_spec.signature_name, first.regression_result.regressions[0].value) == ("regress_x_to_y", 3.0)
assert second.classification_result.classifications[0].classes[0].score == 3.0, second
refused(BAD, "Duplicate evaluation of signature", lambda: multi(TASKS[:1] * 2, [{"x": 2.0}]))
refused(grpc.StatusCode.UNIMPLEMENTED, "Unsupported signature method_name", lambda: multi([("", "predict")], [{"x": 2.0}]))
refused(BAD, "Input is empty", lambda: multi(TASKS, []))
refused(BAD, "Requested signature not found in model graph: none", lambda: multi([("none", "regress")], [{"x": 2.0}]))
refused(BAD, "Duplicate evaluation of signature: regress_x_to_y", lambda: multi(TASKS[:1] * 2, [{"x": 2.0}]))

# Metadata and status.
request = M["GetModelMetadataRequest"](metadata_field=["signature_def"])
request.model_spec.name = "half-plus-two"
answer = call("PredictionService", "GetModelMetadata", request, "GetModelMetadataResponse")
assert answer.metadata["signature_def"].type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
signature = M["SignatureDefMap"].FromString(answer.metadata["signature_def"].value).signature_def["serving_default"]
assert signature.method_name == "tensorflow/serving/predict"
x = signature.inputs["x"]
assert (x.dtype, x.name, [dim.size for dim in x.tensor_shape.dim]) == (1, "x:0", [-1]), x
request.model_spec.name = FAMILY
answer = call("PredictionService", "GetModelMetadata", request, "GetModelMetadataResponse")
family = M["SignatureDefMap"].FromString(answer.metadata["signature_def"].value).signature_def
assert {name: one.method_name.split("/")[-1] for name, one in family.items()} == {
    "serving_default": "predict",
    "regress_x_to_y": "regress",
    "regress_x_to_y2": "regress",
    "regress_x2_to_y3": "regress",
    "classify_x_to_y": "classify",
    "classify_x2_to_y3": "classify",
}
assert list(family["regress_x2_to_y3"].inputs) == ["x2"] and list(family["regress_x2_to_y3"].outputs) == ["outputs"]
assert family["regress_x2_to_y3"].outputs["outputs"].name == "y3:0", "a tensor of the model"
with urllib.request.urlopen(f"{os.environ['HTTP']}/v1/models/{FAMILY}/metadata") as answer:
    over_rest = json.load(answer)["metadata"]["signature_def"]["signature_def"]
assert {name: one["outputs"] for name, one in over_rest.items()}["classify_x2_to_y3"]["scores"]["name"] == "y3:0"
del request.metadata_field[:]
refused(BAD, "at least one metadata_field", lambda: call("PredictionService", "GetModelMetadata", request, "Any"))


def status(model):
    request = M["GetModelStatusRequest"]()
    request.model_spec.name = model
    answer = call("ModelService", "GetModelStatus", request, "GetModelStatusResponse")
    return {one.version: one.state for one in answer.model_version_status}


assert status("versions")[3] == 30
refused(MISSING, "Could not find any versions of model nobody", lambda: status("nobody"))
refused(BAD, "Missing ModelSpec", lambda: call("ModelService", "GetModelStatus", M["GetModelStatusRequest"](), "Any"))
unknown = M["GetModelStatusRequest"]()
unknown.model_spec.name = "versions"
unknown.model_spec.version.value = 9
ask = lambda: call("ModelService", "GetModelStatus", unknown, "GetModelStatusResponse")
refused(MISSING, "Could not find version 9 of model versions", ask)


# A reload: labels move, what is not in the list goes.
def reload(models, policy=None):
    request = M["ReloadConfigRequest"]()
    request.config.model_config_list.SetInParent()
    for name, labels in models.items():
        config = request.config.model_config_list.config.add(name=name, base_path="/models/" + name)
        config.version_labels.update(labels)
        if policy is not None and name == "versions":
            config.model_version_policy.CopyFrom(policy)
    return call("ModelService", "HandleReloadConfigRequest", request, "ReloadConfigResponse")


refused(MISSING, "the workspace has no such model", lambda: reload({"nobody": {}}))
KEPT = {"versions": {}, "half-plus-two": {}, FAMILY: {}}
Policy = M["VersionPolicy"]
for policy in (Policy(specific={"versions": [1]}), Policy(latest={"num_versions": 2})):
    refused(grpc.StatusCode.UNIMPLEMENTED, "versions 1, 2, 3 are loaded", lambda: reload(KEPT, policy))
late = "Request to assign label to version 9 of model versions, which is not currently available for inference"
refused(grpc.StatusCode.FAILED_PRECONDITION, late, lambda: reload({"versions": {"stable": 9}}))
assert status("identity-fp32"), "nothing was unloaded"
assert reload(KEPT, Policy(all={})).status.error_code == 0
assert reload(KEPT, Policy(specific={"versions": [3, 1, 2]})).status.error_code == 0
assert reload({"versions": {"stable": 2}, "half-plus-two": {}, FAMILY: {}}).status.error_code == 0
assert tuple(predict("versions", one, label="stable").outputs["y"].float_val) == (2.0,)
refused(grpc.StatusCode.UNAVAILABLE, "no available versions", lambda: predict("identity-fp32", X))


# REST, as half-plus-two's own example asks it.
def post(path, body):
    request = urllib.request.Request(os.environ["HTTP"] + path, json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


assert post("/v1/models/half-plus-two:predict", {"inputs": 2.0}) == (200, {"outputs": 3.0})
assert post("/v1/models/half-plus-two:predict", {"instances": [2, 3, 4]}) == (200, {"predictions": [3.0, 3.5, 4.0]})
body = {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}]}
assert post("/v1/models/half-plus-two/versions/1:regress", body) == (200, {"results": [42.0]})
body = {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}
assert post("/v1/models/half-plus-two:classify", body) == (200, {"results": [[["", 3.0]]]})

body = {"signature_name": "regress_x2_to_y3", "examples": [{"x2": 4.0}]}
assert post(f"/v1/models/{FAMILY}:regress", body) == (200, {"results": [5.0]})
body = {"signature_name": "classify_x2_to_y3", "examples": [{"x2": 4.0}]}
assert post(f"/v1/models/{FAMILY}:classify", body) == (200, {"results": [[["", 5.0]]]})
assert post(f"/v1/models/{FAMILY}:predict", {"instances": [2, 3, 4]}) == (200, {"predictions": [3.0, 3.5, 4.0]})
body = {"signature_name": "regress_x2_to_y3", "inputs": [4, 80]}
assert post(f"/v1/models/{FAMILY}:predict", body) == (200, {"outputs": [5.0, 43.0]})
body = {"signature_name": "none", "instances": [2]}
problem = 'Serving signature name: "none" not found in signature def'
assert post(f"/v1/models/{FAMILY}:predict", body) == (400, {"error": problem})

# Whoever has no protocol files learns the services from the server.
database = ProtoReflectionDescriptorDatabase(CHANNEL)
assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"} <= set(database.get_services())
service = descriptor_pool.DescriptorPool(database).FindServiceByName("tensorflow.serving.PredictionService")
method = service.FindMethodByName("Predict")
reflected = message_factory.GetMessageClass(method.input_type)
request = reflected.FromString(predicting("half-plus-two", X).SerializeToString())
assert list(request.inputs["x"].float_val) == [1.0], request

# A port of its own has these services, and not those of other protocols.
CHANNEL = grpc.insecure_channel(os.environ["OWN_GRPC"])
assert regress("half-plus-two", "", [{"x": 2.0}]) == [3.0]
names = ProtoReflectionDescriptorDatabase(CHANNEL).get_services()
assert "tensorflow.serving.ModelService" in names and "inference.GRPCInferenceService" not in names, names
other = CHANNEL.unary_unary("/inference.GRPCInferenceService/ServerLive")
refused(grpc.StatusCode.UNIMPLEMENTED, "no method", lambda: other(b"", timeout=20))
print("ok")
