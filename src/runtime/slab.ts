/**
 * Memory for the inputs of a run, used again for the next one.
 *
 * Taking fresh memory for every batch costs more than filling it: the system must clear it first. One slab
 * serves one run at a time; it grows to what runs need, up to a bound, above which memory is taken once.
 */
import { bytesPerElement, viewOf, type NumericData, type NumericDatatype } from '../core/tensor.ts';

const LARGEST = 16 * 1024 * 1024;
const ALIGNMENT = 64; // bytes; a cache line, and enough for every datatype and vector instruction

export class Slab {
  readonly #allocate: (bytes: number) => ArrayBufferLike;
  #buffer: ArrayBufferLike;
  #used = 0;

  constructor(allocate: (bytes: number) => ArrayBufferLike) {
    this.#allocate = allocate;
    this.#buffer = allocate(0);
  }

  /** Everything taken before is given back. */
  reset(): void {
    // What did not fit last time fits this time.
    if (this.#used > this.#buffer.byteLength && this.#used <= LARGEST) {
      this.#buffer = this.#allocate(2 ** Math.ceil(Math.log2(this.#used)));
    }
    this.#used = 0;
  }

  /** An array whose content is undefined. */
  take(datatype: NumericDatatype, length: number): NumericData {
    const bytes = length * bytesPerElement(datatype);
    const at = this.#used;
    this.#used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (this.#used <= this.#buffer.byteLength) return viewOf(datatype, this.#buffer, at, length);
    return viewOf(datatype, this.#allocate(bytes), 0, length);
  }
}
