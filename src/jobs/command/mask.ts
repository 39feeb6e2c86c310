/**
 * Takes secrets out of what a program prints, before it reaches a file or a terminal.
 *
 * Works on bytes, since output comes in pieces that may end anywhere: inside a secret, inside a character. Only as
 * much is held back as may be the beginning of a secret, so that a live log stays live.
 */
const MASK = Buffer.from('***');

export interface Mask {
  /** What may be shown now. */
  push(chunk: Buffer): Buffer;
  /** What was held back. */
  end(): Buffer;
}

export function createMask(secrets: Iterable<string>): Mask {
  // The longest first: of two secrets that begin alike the shorter must not leave the rest of the longer one.
  const hidden = [...new Set(secrets)]
    .filter((secret) => secret !== '')
    .map((secret) => Buffer.from(secret))
    .sort((a, b) => b.length - a.length);
  let rest: Buffer = Buffer.alloc(0);

  /** Hides what is in `bytes`; with `isLast` nothing is held back. */
  function take(bytes: Buffer, isLast: boolean): Buffer {
    const shown: Buffer[] = [];
    let at = 0;
    for (;;) {
      const found = first(bytes, at);
      if (found === undefined) break;
      // What begins earlier and may yet become a longer secret goes first, but never past what is found.
      shown.push(bytes.subarray(at, found.index), MASK);
      at = found.index + found.length;
    }
    const keep = isLast ? 0 : heldBack(bytes, at);
    rest = bytes.subarray(bytes.length - keep);
    shown.push(bytes.subarray(at, bytes.length - keep));
    return Buffer.concat(shown);
  }

  function first(bytes: Buffer, from: number): { index: number; length: number } | undefined {
    let best: { index: number; length: number } | undefined;
    for (const secret of hidden) {
      const index = bytes.indexOf(secret, from);
      if (index >= 0 && (best === undefined || index < best.index)) best = { index, length: secret.length };
    }
    return best;
  }

  /** The length of the longest end of `bytes` that a secret begins with. */
  function heldBack(bytes: Buffer, from: number): number {
    let longest = 0;
    for (const secret of hidden) {
      for (let length = Math.min(secret.length - 1, bytes.length - from); length > longest; length -= 1) {
        if (bytes.subarray(bytes.length - length).equals(secret.subarray(0, length))) longest = length;
      }
    }
    return longest;
  }

  if (hidden.length === 0) return { push: (chunk) => chunk, end: () => rest };
  return {
    push: (chunk) => take(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false),
    end: () => take(rest, true),
  };
}

/** The same for a text that is there as a whole. */
export function maskText(text: string, secrets: Iterable<string>): string {
  const mask = createMask(secrets);
  return Buffer.concat([mask.push(Buffer.from(text)), mask.end()]).toString();
}
