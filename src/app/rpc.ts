/**
 * Calls between the control thread and a front end, over one message port.
 *
 * Both sides may call. A call is a method's name and arguments that can be cloned; an error crosses as a
 * `WireError`, since structured clone would drop its code.
 */
import type { MessagePort, Transferable, Worker } from 'node:worker_threads';
import { fromWireError, ServeryError, toWireError, type WireError } from '../core/errors.ts';

type Message =
  | { readonly call: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly answer: number; readonly value?: unknown; readonly error?: WireError };

/** The methods of an object, as the other side may call them. */
export type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

export interface Peer {
  /** @throws {ServeryError} what the method threw, or `SHUTTING_DOWN` when the other side is gone */
  call(method: string, args: readonly unknown[], transfer?: readonly Transferable[]): Promise<unknown>;
  /** Rejects every call that waits and every later one: the other side is gone. */
  disconnect(): void;
}

/** Answers the calls of the other side with `methods`, and calls it. */
export function connectPeer(port: MessagePort | Worker, methods: Methods): Peer {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastCall = 0;
  let isGone = false;

  port.on('message', (message: Message) => {
    if ('call' in message) void answer(message);
    else {
      const caller = waiting.get(message.answer);
      waiting.delete(message.answer);
      if (message.error === undefined) caller?.resolve(message.value);
      else caller?.reject(fromWireError(message.error));
    }
  });

  async function answer({ call, method, args }: Extract<Message, { call: number }>): Promise<void> {
    const reply = await invoke(method, args).then(
      (value) => ({ answer: call, value }),
      (error: unknown) => ({ answer: call, error: toWireError(error) }),
    );
    if (!isGone) port.postMessage(reply);
  }

  async function invoke(method: string, args: readonly unknown[]): Promise<unknown> {
    const target = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (target === undefined) throw new ServeryError('INTERNAL', `Cannot call ${method}: there is no such method`);
    return target(...(args as never[]));
  }

  return {
    call(method, args, transfer = []) {
      if (isGone) return Promise.reject(gone());
      lastCall += 1;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      waiting.set(lastCall, { resolve, reject });
      port.postMessage({ call: lastCall, method, args } satisfies Message, [...transfer]);
      return promise;
    },
    disconnect() {
      isGone = true;
      for (const caller of waiting.values()) caller.reject(gone());
      waiting.clear();
    },
  };
}

function gone(): ServeryError {
  return new ServeryError('SHUTTING_DOWN', 'The other thread has stopped');
}
