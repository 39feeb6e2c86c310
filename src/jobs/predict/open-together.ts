/** Opens several things at once, and closes those that are open when one of them fails. */
type Opening = Readonly<Record<string, () => Promise<AsyncDisposable>>>;
type Opened<T extends Opening> = { readonly [K in keyof T]: Awaited<ReturnType<T[K]>> } & AsyncDisposable;

/** @throws what the first of them throws, in the order they are named */
export async function openTogether<T extends Opening>(opening: T): Promise<Opened<T>> {
  const names = Object.keys(opening);
  const settled = await Promise.allSettled(names.map((name) => opening[name]!()));
  await using resources = new AsyncDisposableStack();
  for (const result of settled) if (result.status === 'fulfilled') resources.use(result.value);
  const values = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  const kept = resources.move();
  const entries = names.map((name, i) => [name, values[i]!] as const);
  return { ...Object.fromEntries(entries), [Symbol.asyncDispose]: () => kept.disposeAsync() } as Opened<T>;
}
