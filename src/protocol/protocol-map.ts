/** Who answers where: what `servery check` prints of the protocols of other systems. */
import type { ProtocolOptions } from './options.ts';
import { isShared, ownPorts, type ProtocolName } from './protocols.ts';

const TERRITORIES: Readonly<Record<ProtocolName, { readonly system: string; readonly path: string }>> = {
  tensorflowServing: { system: 'TensorFlow Serving', path: '/v1/models/*' },
  kserve: { system: "KServe's first protocol", path: '/v1/models/*' },
  sagemaker: { system: 'SageMaker', path: '/endpoints/*' },
  mlflow: { system: 'MLflow', path: '/invocations' },
  torchserve: { system: 'TorchServe', path: '/predictions/*, /explanations/*, /ping' },
  bentoml: { system: 'BentoML', path: '/*' },
  vertex: { system: 'Vertex AI', path: '/v1/projects/*' },
};

export interface ProtocolPlace {
  readonly protocol: ProtocolName;
  readonly system: string;
  /** `listen.http`, the shared port, or `HOST:PORT`. */
  readonly at: string;
  readonly path: string;
}

export function protocolMap(options: ProtocolOptions): readonly ProtocolPlace[] {
  const names = Object.keys(TERRITORIES) as ProtocolName[];
  const shared = names.filter((protocol) => isShared(options[protocol]));
  return [
    ...shared.map((protocol) => ({ protocol, at: 'listen.http', ...TERRITORIES[protocol] })),
    ...ownPorts(options).map(({ protocol, option, address: at }) => {
      const place = { protocol, at, ...TERRITORIES[protocol] };
      return option === 'http' ? place : { ...place, path: option === 'grpc' ? 'gRPC' : '/metrics' };
    }),
  ];
}

/** A line for each place. */
export function describeProtocolMap(places: readonly ProtocolPlace[]): string {
  if (places.length === 0) return 'no protocols of other systems';
  return ['protocols', ...places.map(({ at, path, system }) => `  ${at} ${path}  ${system}`)].join('\n');
}
