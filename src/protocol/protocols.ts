/**
 * The protocols of other systems: which are spoken, how strictly, and on which ports of their own.
 *
 * All of them speak on the shared ports too, where their paths leave room for each other. A port of its own is for
 * clients that expect one, and for paths that would collide.
 */
import * as z from 'zod';
import { address } from '../core/address.ts';

const enabled = (system: string) => z.boolean().default(true).describe(`Answers clients of ${system}.`);
const ownPort = (what: string, usual: number) =>
  address.optional().describe(`Address of a port for ${what} alone; its clients expect port ${usual}.`);
const theOnlyModel = z
  .string()
  .min(1)
  .optional()
  .describe(
    'Model that answers where a path names none: `NAME`, `NAME@ALIAS` or `NAME/VERSION`. By default the only one.',
  );

export const protocolOptions = z.strictObject({
  tensorflowServing: z
    .strictObject({
      enabled: enabled('TensorFlow Serving'),
      profile: z
        .enum(['strict', 'tensorflow-serving'])
        .default('strict')
        .describe(
          '`tensorflow-serving` answers NaN and infinities bare, and rounds numbers that do not fit, as it does.',
        ),
      http: ownPort('TensorFlow Serving', 8501),
      grpc: ownPort('TensorFlow Serving', 8500),
    })
    .prefault({}),
  torchserve: z
    .strictObject({
      enabled: enabled('TorchServe'),
      http: ownPort('TorchServe', 8080),
      metrics: ownPort("TorchServe's metrics", 8082),
      grpc: ownPort('TorchServe', 7070),
    })
    .prefault({}),
  mlflow: z
    .strictObject({
      enabled: enabled('MLflow'),
      profile: z
        .enum(['strict', 'mlflow-compat'])
        .default('strict')
        .describe('`mlflow-compat` converts values as MLflow does, also where something is lost.'),
      model: theOnlyModel,
      http: ownPort('MLflow', 5000),
    })
    .prefault({}),
  bentoml: z.strictObject({ http: ownPort('BentoML', 3000) }).prefault({}),
  sagemaker: z
    .strictObject({
      enabled: enabled('SageMaker'),
      model: theOnlyModel,
      http: ownPort("SageMaker's containers", 8080),
    })
    .prefault({}),
  vertex: z
    .strictObject({
      enabled: enabled('Vertex AI'),
      http: ownPort("Vertex AI's containers", 8080),
      grpc: ownPort('Vertex AI', 8443),
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
});

export type ProtocolInput = z.input<typeof protocolOptions>;
export type ProtocolOptions = z.output<typeof protocolOptions>;
export type ProtocolName = keyof ProtocolOptions;

const KINDS = ['http', 'metrics', 'grpc'] as const;

/** A port that one protocol has for itself. */
export interface OwnPort {
  readonly protocol: ProtocolName;
  readonly kind: (typeof KINDS)[number];
  /** `HOST:PORT`. */
  readonly address: string;
}

/** The ports beside the shared ones that a server opens. */
export function ownPorts(options: ProtocolOptions): readonly OwnPort[] {
  return (Object.keys(options) as ProtocolName[]).flatMap((protocol) => {
    const slice: Partial<Record<OwnPort['kind'], string | undefined>> = options[protocol];
    return KINDS.flatMap((kind) => (slice[kind] === undefined ? [] : [{ protocol, kind, address: slice[kind] }]));
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
    ...ownPorts(options).map(({ protocol, kind, address: at }) => [`protocols.${protocol}.${kind}`, at] as const),
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
