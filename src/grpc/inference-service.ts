/** The methods of inference.GRPCInferenceService. */
import type { Scope } from '../core/api-keys.ts';
import type { GrpcDeps } from './deps.ts';
import { inferMethod } from './infer.ts';
import { lateUnary } from './late-method.ts';
import type { Method, Unary } from './method.ts';
import { streamInferMethod } from './stream-infer.ts';

/** What each of the others asks of a key. */
const MESSAGES = {
  ServerLive: 'none',
  ServerReady: 'none',
  ServerMetadata: 'read',
  ModelReady: 'read',
  ModelMetadata: 'read',
  ModelConfig: 'read',
  ModelStatistics: 'read',
  RepositoryIndex: 'read',
  RepositoryModelLoad: 'admin',
  RepositoryModelUnload: 'admin',
} as const satisfies Readonly<Record<string, Scope>>;
export type InferenceMessage = keyof typeof MESSAGES;

/** By name. What Triton has beyond these (shared memory, traces, logging) is answered UNIMPLEMENTED, as unknown. */
export function inferenceMethods(deps: GrpcDeps, isDraining: () => boolean): Readonly<Record<string, Method>> {
  const { predict, options } = deps;
  let messages: Readonly<Record<InferenceMessage, Unary>> | undefined;
  const load = async () => {
    const { inferenceMessages } = await import('./inference-messages.ts');
    messages ??= inferenceMessages(deps, isDraining);
    return messages;
  };
  const late = Object.entries(MESSAGES).map(([name, scope]) => [
    name,
    lateUnary(scope, async () => (await load())[name as InferenceMessage]),
  ]);
  return {
    ModelInfer: { scope: 'predict', answer: inferMethod(predict) },
    ModelStreamInfer: { scope: 'predict', answer: streamInferMethod(predict, options.maxStreamedRequests) },
    ...(Object.fromEntries(late) as Record<InferenceMessage, Method>),
  };
}
