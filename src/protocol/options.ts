/** Options of the protocols of other systems: which are spoken, and on which ports of their own. */
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
