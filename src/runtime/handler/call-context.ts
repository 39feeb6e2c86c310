/** What `predict` is given beside its rows: one object for each call, made as far as it is asked. */
import { ServeryError } from '../../core/errors.ts';
import type { HandlerContext, HandlerLog, OtherModel } from '../define-handler.ts';
import type { ParameterValue } from '../runtime.ts';

export interface ThreadContext {
  readonly version: number;
  readonly state: unknown;
  readonly log: HandlerLog;
}

type Ask = (model: string, rows: readonly unknown[]) => Promise<readonly unknown[]>;

export class CallContext implements HandlerContext<unknown> {
  readonly version: number;
  readonly state: unknown;
  readonly log: HandlerLog;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly #ask: Ask;
  // A property, so that it survives `({ model }) =>`.
  readonly model = <Output extends object>(name: string): OtherModel<Output> => ({
    predict: async (rows) => (await this.#ask(name, rows)) as readonly Output[],
  });
  #controller: AbortController | undefined;
  #cancelled: ServeryError | undefined;

  constructor(thread: ThreadContext, parameters: Readonly<Record<string, ParameterValue>> = {}, ask: Ask) {
    this.version = thread.version;
    this.state = thread.state;
    this.log = thread.log;
    this.parameters = parameters;
    this.#ask = ask;
  }

  // Most handlers never look at it, and a controller for each call costs as much as a small call.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    return this.#controller.signal;
  }

  /** Why nobody waits for the answer any more; undefined while somebody does. */
  get cancelled(): ServeryError | undefined {
    return this.#cancelled;
  }

  cancel(reason: ServeryError): void {
    this.#cancelled = reason;
    this.#controller?.abort(reason);
  }
}

export function deadlinePassed(): ServeryError {
  return new ServeryError('DEADLINE_EXCEEDED', 'Request timeout expired while the handler was running');
}
