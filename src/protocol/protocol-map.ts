/** Who answers where: what `servery check` prints of the protocols of other systems. */
import { ownPorts, type ProtocolName, type ProtocolOptions } from './protocols.ts';

interface Territory {
  readonly system: string;
  /** On the port that all protocols share. */
  readonly shared: readonly string[];
  /** Services on the shared gRPC port. */
  readonly grpc: readonly string[];
}

const TERRITORIES: Readonly<Record<ProtocolName, Territory>> = {
  tensorflowServing: {
    system: 'TensorFlow Serving',
    shared: ['/v1/models/*'],
    grpc: ['tensorflow.serving.PredictionService', 'tensorflow.serving.ModelService'],
  },
  torchserve: {
    system: 'TorchServe',
    shared: ['/predictions/*', '/explanations/*', '/ping'],
    grpc: ['org.pytorch.serve.grpc.inference.InferenceAPIsService'],
  },
  mlflow: { system: 'MLflow', shared: ['/invocations', '/ping'], grpc: [] },
  bentoml: { system: 'BentoML', shared: [], grpc: [] },
  sagemaker: { system: 'SageMaker', shared: ['/endpoints/*', '/invocations', '/ping'], grpc: [] },
  vertex: {
    system: 'Vertex AI',
    shared: ['/v1/projects/*'],
    grpc: ['google.cloud.aiplatform.v1.PredictionService'],
  },
  kserve: { system: "KServe's first protocol", shared: ['/v1/models/*'], grpc: [] },
};

export interface ProtocolPlace {
  readonly protocol: ProtocolName;
  readonly system: string;
  /** `strict` where the protocol has no profile. */
  readonly profile: string;
  /** The shared port, or `HOST:PORT`. */
  readonly at: string;
  readonly paths: readonly string[];
}

/** @param grpc the shared gRPC port is open */
export function protocolMap(options: ProtocolOptions, grpc: boolean): readonly ProtocolPlace[] {
  const places: ProtocolPlace[] = [];
  for (const [name, { system, ...territory }] of Object.entries(TERRITORIES)) {
    const protocol = name as ProtocolName;
    const { enabled, profile } = sliceOf(options, protocol);
    const place = { protocol, system, profile };
    if (!enabled) continue;
    if (territory.shared.length > 0) places.push({ ...place, at: 'listen.http', paths: territory.shared });
    if (grpc && territory.grpc.length > 0) places.push({ ...place, at: 'listen.grpc', paths: territory.grpc });
  }
  for (const { protocol, kind, address } of ownPorts(options)) {
    const { profile } = sliceOf(options, protocol);
    places.push({ protocol, system: TERRITORIES[protocol].system, profile, at: address, paths: [kind] });
  }
  return places;
}

function sliceOf(options: ProtocolOptions, protocol: ProtocolName): { enabled: boolean; profile: string } {
  return { enabled: false, profile: 'strict', ...options[protocol] };
}

/** `http://…/v1/models/*  TensorFlow Serving (strict)`, a line for each place. */
export function describeProtocolMap(places: readonly ProtocolPlace[]): string {
  const rows = places.flatMap(({ at, paths, system, profile }) =>
    paths.map((path) => [`${at} ${path}`, `${system}${profile === 'strict' ? '' : ` (${profile})`}`] as const),
  );
  const width = Math.max(0, ...rows.map(([where]) => where.length));
  return ['protocols', ...rows.map(([where, who]) => `  ${where.padEnd(width)}  ${who}`)].join('\n');
}
