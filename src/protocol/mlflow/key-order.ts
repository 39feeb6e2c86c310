/**
 * Keys that are whole numbers, in the order in which they were sent.
 *
 * JavaScript moves them to the front of an object and sorts them. Frames without names have such keys, and their values
 * become a tensor in the order that they have: `{"1": 5, "0": 6}` is a row of 5 and 6.
 */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

/** @returns the text with other keys in place of these, which keep their order */
export function withKeysInOrder(text: string): string {
  if (!/"\d+"\s*:/.test(text)) return text;
  return text.replace(STRING, (string, colon: string | undefined) =>
    colon !== undefined && /^"\d+"/.test(string) ? `"#${string.slice(1)}` : string,
  );
}
