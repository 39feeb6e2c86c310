/**
 * Methods whose code is loaded by the first call of any of them.
 *
 * What reads and writes messages in general is a library with code for every message that it may meet: 60 ms and
 * 10 MB for each front end, which a server of predictions never needs.
 */
import type { Scope } from '../core/api-keys.ts';
import type { Method, Streaming, Unary } from './method.ts';

export function lateUnary(scope: Scope, load: () => Promise<Unary>): Method {
  return {
    scope,
    whileDraining: scope === 'none',
    answer: { unary: async (request, call) => (await load()).unary(request, call) },
  };
}

export function lateStreaming(load: () => Promise<Streaming>): Streaming {
  return {
    async *streaming(requests, call) {
      yield* (await load()).streaming(requests, call);
    },
  };
}
