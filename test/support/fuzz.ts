/**
 * Random cases that anyone can run again.
 *
 * 10,000 cases in a normal run, a million with SERVERY_LONG=1. The seed is the same each time; a failure
 * prints that of its case, and SERVERY_FUZZ_SEED starts there.
 */
import { randomBytes } from 'node:crypto';

const CASES = process.env['SERVERY_LONG'] === '1' ? 1_000_000 : 10_000;
const FIRST_SEED = Number(process.env['SERVERY_FUZZ_SEED'] ?? 1);

/** @param share of the usual number of cases, for checks that are slow */
export function fuzz(check: (random: Random) => void, share = 1): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + CASES * share; seed += 1) {
    try {
      check(new Random(seed));
    } catch (error) {
      throw new Error(`A random case failed. Run it first with SERVERY_FUZZ_SEED=${seed}`, { cause: error });
    }
  }
}

/** A small generator of random numbers (mulberry32), each stream given by its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) >>> 0;
  }

  /** An integer of 32 bits. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (bits ^ (bits >>> 14)) >>> 0;
  }

  /** From 0 up to, not including, `end`. */
  below(end: number): number {
    return this.bits() % end;
  }

  chance(probability: number): boolean {
    return this.bits() < probability * 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  list<T>(length: number, make: (index: number) => T): T[] {
    return Array.from({ length }, (_, index) => make(index));
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.list(length, () => this.bits() & 0xff));
  }

  /** Any text, also of several planes, with quotes and control characters. */
  text(maxLength: number): string {
    const characters = [
      'a',
      'Z',
      '0',
      ' ',
      '"',
      '\\',
      '\n',
      ':',
      '{',
      ',',
      'é',
      '한',
      '𝄞',
      '\u2028',
      '\u0001',
      '\ufeff',
    ];
    return this.list(this.below(maxLength + 1), () => this.pick(characters)).join('');
  }

  /** The body with a few of its bytes changed, removed, doubled or swapped for pieces that parsers trip over. */
  mutate(body: Uint8Array, pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    let bytes = [...body];
    for (let times = 1 + this.below(3); times > 0; times -= 1) {
      const at = this.below(bytes.length + 1);
      switch (this.below(6)) {
        case 0:
          bytes[at] = this.bits() & 0xff;
          break;
        case 1:
          bytes.splice(at, 1 + this.below(4));
          break;
        case 2:
          bytes.splice(at, 0, ...this.pick(pieces));
          break;
        case 3:
          bytes.splice(at, this.below(6), ...this.pick(pieces));
          break;
        case 4:
          bytes = bytes.slice(0, at);
          break;
        default: {
          const from = this.below(bytes.length + 1);
          bytes.splice(at, 0, ...bytes.slice(from, from + this.below(20)));
        }
      }
    }
    return Uint8Array.from(bytes);
  }
}

/** A text that is in no program, to be looked for where it must not appear. */
export function secretMarker(): string {
  return `secret-${randomBytes(6).toString('hex')}`;
}
