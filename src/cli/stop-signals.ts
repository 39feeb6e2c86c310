/** SIGINT and SIGTERM for commands that can stop in order: the first asks, a second one ends the process. */
export const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export interface StopSignals extends Disposable {
  readonly signal: AbortSignal;
  /** Which one came; undefined as long as none did. */
  readonly received: keyof typeof SIGNAL_EXIT_CODES | undefined;
}

export function stopOnSignals(): StopSignals {
  const controller = new AbortController();
  let received: keyof typeof SIGNAL_EXIT_CODES | undefined;
  const listeners = (['SIGINT', 'SIGTERM'] as const).map((name) => {
    const listener = () => {
      if (received !== undefined) process.exit(SIGNAL_EXIT_CODES[name]);
      received = name;
      controller.abort();
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return {
    signal: controller.signal,
    get received() {
      return received;
    },
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
}
