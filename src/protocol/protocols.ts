/**
 * The protocols of other systems: which are spoken, and on which ports of their own.
 *
 * All of them speak on the shared ports too, where their paths leave room for each other. A port of its own is for
 * clients that expect one, and for paths that would collide.
 */
import * as z from 'zod';
import { address } from '../core/address.ts';
import { bentomlOptions } from './bentoml-options.ts';
import { mlflowOptions } from './mlflow/options.ts';
import { sagemakerOptions } from './sagemaker/options.ts';
import { vertexOptions } from './vertex/options.ts';

const ownPort = (what: string, usual: number) =>
  address.optional().describe(`Address of a port for ${what} alone; its clients expect port ${usual}.`);
export const protocolOptions = z.strictObject({
  tensorflowServing: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Answers clients of TensorFlow Serving on the shared port.'),
      http: ownPort('TensorFlow Serving', 8501),
      grpc: ownPort("TensorFlow Serving's gRPC", 8500),
      profile: z
        .enum(['strict', 'tensorflow-serving'])
        .default('strict')
        .describe(
          '`tensorflow-serving` reads and writes NaN and Infinity, rounds to infinity and prints numbers as the original.',
        ),
    })
    .prefault({}),
  kserve: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe("Answers clients of KServe's first protocol on the shared port, instead of TensorFlow Serving's."),
      http: ownPort("KServe's first protocol", 8080),
    })
    .prefault({}),
  sagemaker: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Answers clients of SageMaker's runtime on the shared port."),
      http: ownPort('SageMaker', 8080),
      ...sagemakerOptions,
    })
    .prefault({}),
  mlflow: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Answers clients of MLflow's scoring server on the shared port."),
      http: ownPort('MLflow', 5000),
      ...mlflowOptions,
    })
    .prefault({}),
  torchserve: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Answers clients of TorchServe on the shared port.'),
      http: ownPort("TorchServe's inference", 8080),
      metrics: ownPort("TorchServe's metrics", 8082),
    })
    .prefault({}),
  bentoml: z.strictObject({ http: ownPort('BentoML', 3000), ...bentomlOptions }).prefault({}),
  vertex: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Answers clients of Vertex AI's predictions on the shared ports."),
      http: ownPort("Vertex AI's predictions", 8080),
      ...vertexOptions,
    })
    .prefault({}),
});

export type ProtocolInput = z.input<typeof protocolOptions>;
export type ProtocolOptions = z.output<typeof protocolOptions>;
export type ProtocolName = keyof ProtocolOptions;

/** A port that one protocol has for itself. */
export interface OwnPort {
  readonly protocol: ProtocolName;
  /** What is spoken there: the option that names the address. */
  readonly option: 'http' | 'grpc' | 'metrics';
  /** `HOST:PORT`. */
  readonly address: string;
}

/** Whether a protocol speaks on the shared port too; those whose paths would collide never do. */
export function isShared(options: ProtocolOptions[ProtocolName]): boolean {
  return 'enabled' in options && options.enabled;
}

/** The ports beside the shared ones that a server opens. */
export function ownPorts(options: ProtocolOptions): readonly OwnPort[] {
  return (Object.keys(options) as ProtocolName[]).flatMap((protocol) => {
    const addresses: Partial<Record<OwnPort['option'], string | undefined>> = options[protocol];
    return (['http', 'grpc', 'metrics'] as const).flatMap((option) => {
      const at = addresses[option];
      return at === undefined ? [] : [{ protocol, option, address: at }];
    });
  });
}

/** What in the options contradicts itself, with the path of the option. */
export function protocolClashes(options: ProtocolOptions, shared: Readonly<Record<string, string>>): readonly string[] {
  const clashes: string[] = [];
  if (options.kserve.enabled && options.tensorflowServing.enabled) {
    clashes.push(
      'protocols.kserve.enabled: TensorFlow Serving answers /v1/models on the shared port; ' +
        'set protocols.tensorflowServing.enabled to false, or give KServe a port of its own with protocols.kserve.http',
    );
  }
  const taken = new Map<string, string>();
  const claims = [
    ...Object.entries(shared),
    ...ownPorts(options).map(({ protocol, option, address: at }) => [`protocols.${protocol}.${option}`, at] as const),
  ];
  for (const [path, at] of claims) {
    const number = at.slice(at.lastIndexOf(':') + 1);
    const before = taken.get(number);
    if (number === '0') continue;
    if (before === undefined) taken.set(number, path);
    else clashes.push(`${path}: port ${number} is that of ${before}`);
  }
  return clashes;
}
