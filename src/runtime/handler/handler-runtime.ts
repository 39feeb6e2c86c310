/** Models written in TypeScript: each version in threads of its own, which may be ended without harm to others. */
import type { ModelArtifact } from '../../core/model.ts';
import type { RuntimeOptions } from '../options.ts';
import type { LoadedModel, ModelFacts, Runtime } from '../runtime.ts';
import { HandlerThreads, type HandlerTiming } from './handler-threads.ts';
import type { HandlerDescription } from './messages.ts';

const TIMING: HandlerTiming = { setupMs: 30_000, hearMs: 100, endMs: 1000 };

/** @param timing shorter limits, for tests */
export function createHandlerRuntime(timing: Partial<HandlerTiming> = {}): Runtime & AsyncDisposable {
  const loaded = new Set<HandlerThreads>();
  return {
    format: 'handler',
    async load(artifact, options): Promise<LoadedModel> {
      const threads = new HandlerThreads(artifact, options, { ...TIMING, ...timing });
      loaded.add(threads);
      const dispose = async () => {
        loaded.delete(threads);
        await threads[Symbol.asyncDispose]();
      };
      try {
        const description = await threads.start();
        return {
          signature: description.signature,
          facts: factsOf(description, artifact, options),
          connect: () => threads.connect(),
          runningSince: () => threads.runningSince(),
          [Symbol.asyncDispose]: dispose,
        };
      } catch (error) {
        await dispose();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(loaded, (threads) => threads[Symbol.asyncDispose]()));
    },
  };
}

function factsOf(
  { route, batching, streams, explains }: HandlerDescription,
  { file }: ModelArtifact,
  options: RuntimeOptions,
): ModelFacts {
  const { threads, concurrency, memoryMb } = options;
  return {
    platform: 'servery_handler',
    rowsAreIndependent: true,
    canInline: false,
    oneRequestPerCall: !batching,
    streams,
    explains,
    ...(route !== undefined && { route }),
    notes: [
      route === undefined
        ? `signature: as ${file} declares it`
        : `route ${route.method} ${route.path}: as ${file} declares it`,
      `threads: ${threads}, each with ${concurrency} call${concurrency === 1 ? '' : 's'} at once and ${memoryMb} MB`,
      ...(streams
        ? ['streams: an answer can be had bit by bit, and takes a place of `concurrency` until it ends']
        : []),
      ...(explains ? ['explains: doors that have explanations get those of its `explain`'] : []),
      ...(batching || streams ? [] : ['batching: false in the handler, so each call has the rows of one request']),
    ],
  };
}
