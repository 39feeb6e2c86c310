/** What a handler gives, as JSON. */

/** Undefined for what JSON cannot hold: a function, a bigint, an object that holds itself. */
export function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch {
    return undefined;
  }
}
