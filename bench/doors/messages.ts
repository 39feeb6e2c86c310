/** Predictions over gRPC, as the clients of other systems ask for them: by the numbers of the fields. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';

interface Call {
  readonly path: string;
  readonly message: Uint8Array;
}

/** PredictRequest: model_spec=1 { name=1 }, inputs=2 { key=1, value=2 TensorProto { dtype=1, shape=2, content=4 } }. */
export function tensorflowServingCall(model: string, input: string, row: readonly number[]): Call {
  const size = (length: number) => new BinaryWriter().tag(1, 0).int64(length).finish();
  const shape = new BinaryWriter().tag(2, 2).bytes(size(1)).tag(2, 2).bytes(size(row.length)).finish();
  const content = new Uint8Array(Float32Array.from(row).buffer);
  const tensor = new BinaryWriter().tag(1, 0).int32(1).tag(2, 2).bytes(shape).tag(4, 2).bytes(content).finish();
  const entry = new BinaryWriter().tag(1, 2).string(input).tag(2, 2).bytes(tensor).finish();
  const spec = new BinaryWriter().tag(1, 2).string(model).finish();
  const message = new BinaryWriter().tag(1, 2).bytes(spec).tag(2, 2).bytes(entry).finish();
  return { path: '/tensorflow.serving.PredictionService/Predict', message };
}

/** PredictionsRequest: model_name=1, input=3 { key=1, value=2 }. */
export function torchserveCall(model: string, row: readonly number[]): Call {
  const value = Buffer.from(JSON.stringify(row));
  const entry = new BinaryWriter().tag(1, 2).string('data').tag(2, 2).bytes(value).finish();
  const message = new BinaryWriter().tag(1, 2).string(model).tag(3, 2).bytes(entry).finish();
  return { path: '/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions', message };
}

/** PredictRequest: endpoint=1, instances=2 Value { list_value=6 { values=1 Value { number_value=2 } } }. */
export function vertexCall(endpoint: string, row: readonly number[]): Call {
  const list = new BinaryWriter();
  for (const value of row) list.tag(1, 2).bytes(new BinaryWriter().tag(2, 1).double(value).finish());
  const instance = new BinaryWriter().tag(6, 2).bytes(list.finish()).finish();
  const message = new BinaryWriter().tag(1, 2).string(endpoint).tag(2, 2).bytes(instance).finish();
  return { path: '/google.cloud.aiplatform.v1.PredictionService/Predict', message };
}
