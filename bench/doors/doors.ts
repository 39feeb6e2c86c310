/** Every door, and what its clients send to have one row of iris predicted. */
import { binaryBody, jsonBody, modelOf, rowOf } from '../online/cases.ts';
import { INFER_CALL, irisRequest } from '../online/grpc.ts';
import { torchserveCall, tensorflowServingCall, vertexCall } from './messages.ts';
import { signedHeaders, type AccessKey } from './sign.ts';

/** Where the doors of a server are. */
export interface Ports {
  readonly http: number;
  readonly grpc: number;
  readonly kserve: number;
  readonly bentoml: number;
}

export interface HttpRequest {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface GrpcRequest {
  readonly port: number;
  readonly path: string;
  readonly message: Uint8Array;
}

interface AnyDoor {
  readonly title: string;
  /** It is asked by signed requests, and no others. */
  readonly signs?: boolean;
  /** How the probabilities are written in its answers. */
  readonly values: 'json' | 'floats' | 'doubles';
}

export interface HttpDoor extends AnyDoor {
  /** Made anew for each measurement: a signature does not hold long. */
  readonly http: (ports: Ports) => HttpRequest;
}

export interface GrpcDoor extends AnyDoor {
  readonly grpc: (ports: Ports) => GrpcRequest;
}

export type BenchDoor = HttpDoor | GrpcDoor;

/** A door is held against the one of its kind that is the fastest: the bench asks what its form costs. */
export const OIP_JSON = 'OIP JSON';
export const OIP_GRPC = 'OIP gRPC';

export const ACCESS_KEY: AccessKey = { id: 'AKIDBENCH', secret: 'secret of the bench' };

const iris = modelOf('iris');
const row = rowOf(iris);
const FEATURES = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];
const ENDPOINT = 'projects/shop/locations/europe-west4/endpoints/iris';
const INVOCATIONS = '/endpoints/iris/invocations';

const json = (
  title: string,
  path: string,
  document: unknown,
  on: 'http' | 'kserve' | 'bentoml' = 'http',
): HttpDoor => ({
  title,
  values: 'json',
  http: (ports) => ({
    port: ports[on],
    path,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(document)),
  }),
});

const openInference = (title: string, { headers, bytes }: ReturnType<typeof jsonBody>, values: HttpDoor['values']) => ({
  title,
  values,
  http: ({ http }: Ports) => ({ port: http, path: '/v2/models/iris/infer', headers, body: bytes }),
});

export const DOORS: readonly BenchDoor[] = [
  openInference(OIP_JSON, jsonBody(iris, 1), 'json'),
  openInference('OIP binary', binaryBody(iris, 1), 'floats'),
  json('plain', '/models/iris/predict', { rows: [row] }),
  json('TensorFlow Serving', '/v1/models/iris:predict', { instances: [row] }),
  json('KServe V1', '/v1/models/iris:predict', { instances: [row] }, 'kserve'),
  json('TorchServe', '/predictions/iris', row),
  json('MLflow', '/invocations', { dataframe_split: { columns: FEATURES, data: [row] } }),
  json('BentoML', '/iris', { X: row }, 'bentoml'),
  json('SageMaker', INVOCATIONS, [row]),
  {
    title: 'SageMaker, signed',
    signs: true,
    values: 'json',
    http: ({ http }) => {
      const body = Buffer.from(JSON.stringify([row]));
      const headers = signedHeaders(ACCESS_KEY, `127.0.0.1:${http}`, INVOCATIONS, body);
      return { port: http, path: INVOCATIONS, headers, body };
    },
  },
  json('Vertex AI', `/v1/${ENDPOINT}:predict`, { instances: [row] }),
  { title: OIP_GRPC, values: 'floats', grpc: ({ grpc }) => ({ port: grpc, path: INFER_CALL, message: irisRequest() }) },
  {
    title: 'TensorFlow Serving gRPC',
    values: 'floats',
    grpc: ({ grpc }) => ({ port: grpc, ...tensorflowServingCall('iris', iris.input, row) }),
  },
  { title: 'TorchServe gRPC', values: 'json', grpc: ({ grpc }) => ({ port: grpc, ...torchserveCall('iris', row) }) },
  { title: 'Vertex AI gRPC', values: 'doubles', grpc: ({ grpc }) => ({ port: grpc, ...vertexCall(ENDPOINT, row) }) },
];
