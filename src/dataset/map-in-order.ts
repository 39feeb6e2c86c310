/**
 * Works on several items at once.
 *
 * What comes back, and which failure is thrown, depends on the order of the items alone, and not on who was faster:
 * of two damaged files the first one is named, every time.
 */
export async function mapInOrder<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const failures: { readonly index: number; readonly error: unknown }[] = [];
  const left = items.entries();
  const take = async () => {
    // Items are taken in their order: those before a failure were taken, and say themselves whether they fail.
    for (const [index, item] of left) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failures.push({ index, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, take));
  const [first] = failures.sort((a, b) => a.index - b.index);
  if (first !== undefined) throw first.error;
  return results;
}
