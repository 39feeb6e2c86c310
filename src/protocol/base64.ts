/** Base64 as clients write it: of either alphabet, with its padding or without. */

/** @returns undefined when the text is not base64; Node.js would read what it can of it */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/=+$/, '');
  const padding = text.length - digits.length;
  if (!/^[A-Za-z0-9+/_-]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  if (padding > 0 && (padding > 2 || text.length % 4 !== 0)) return undefined;
  return new Uint8Array(Buffer.from(digits, 'base64'));
}
