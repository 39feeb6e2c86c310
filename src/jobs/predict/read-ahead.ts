/**
 * Asks for the next item while the last one is still in use, so that reading and predicting overlap. The first one is
 * asked for at once: a query takes its time until it gives something.
 */
export interface Ahead<T> extends AsyncIterable<T> {
  /** For whoever does not read it to its end. */
  return(): Promise<IteratorResult<T>>;
}

export function readAhead<T>(source: AsyncIterable<T>): Ahead<T> {
  const items = source[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T>> => {
    const asked = items.next();
    // It is looked at when it is wanted; until then it is nobody's rejection.
    asked.catch(() => undefined);
    return asked;
  };
  let next = ask();
  const ahead = {
    [Symbol.asyncIterator]: () => ahead,
    async next(): Promise<IteratorResult<T>> {
      const result = await next;
      if (result.done !== true) next = ask();
      return result;
    },
    async return(): Promise<IteratorResult<T>> {
      await next.catch(() => undefined);
      await items.return?.();
      return { done: true, value: undefined };
    },
  };
  return ahead;
}
