/**
 * Tells that nobody waits for an answer any more: the part of an `AbortSignal` that predictions need.
 *
 * An `AbortSignal` is one. A door that makes one for every request may use something lighter.
 */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options: { readonly once: true }): void;
}

/** Nearly every request has one listener, and needs no list. */
export function withListener(before: (() => void) | undefined, listener: () => void): () => void {
  if (before === undefined) return listener;
  return () => {
    before();
    listener();
  };
}
