/** Bounds how many runs are under way at once: enough that the model never waits, no more than memory is for. */
export type RunLimit = <T>(run: () => Promise<T>) => Promise<T>;

export function createRunLimit(most: number): RunLimit {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  return async (run) => {
    if (underWay >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay += 1;
    try {
      return await run();
    } finally {
      // The place goes to the next one, if there is one.
      const next = waiting.shift();
      if (next === undefined) underWay -= 1;
      else next();
    }
  };
}
