/** grpc.health.v1: its methods, of which the answers are in `health-messages.ts`. */
import type { HealthMessages } from './health-messages.ts';
import { lateStreaming, lateUnary } from './late-method.ts';
import type { Method } from './method.ts';

export interface HealthService {
  /** By name. */
  readonly methods: Readonly<Record<string, Method>>;
  /** Tells watchers, if there is something to tell. */
  check(): void;
}

/** Read whenever somebody asks. */
export interface HealthState {
  readonly isReady: () => boolean;
  readonly isDraining: () => boolean;
}

export function createHealth(state: HealthState): HealthService {
  let messages: HealthMessages | undefined;
  const load = async () => {
    const { createHealthMessages } = await import('./health-messages.ts');
    messages ??= createHealthMessages(state);
    return messages;
  };
  return {
    methods: {
      Check: lateUnary('none', async () => (await load()).check),
      List: lateUnary('none', async () => (await load()).list),
      Watch: { scope: 'none', whileDraining: true, answer: lateStreaming(async () => (await load()).watch) },
    },
    check: () => messages?.tell(),
  };
}
