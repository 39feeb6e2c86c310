/**
 * Half-precision numbers. A tensor holds them as their 16 bits, since not every thread has `Float16Array`;
 * here the bits become numbers and back.
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Numbers from here on round to infinity. */
export const HALF_OVERFLOW = 65_520;

export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounds to the nearest, ties to even; infinity from `HALF_OVERFLOW` on. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= HALF_OVERFLOW) return sign | 0x7c00;
  // Below 2^-14 the step is constant; above it follows the exponent, which a float shows exactly.
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  float[0] = size;
  // (Where the float was rounded up to a power of two, the half is that power as well.)
  const exponent = (bits[0]! >>> 23) - 127;
  return sign | (((exponent + 14) << 10) + roundToEven((size / 2 ** exponent) * 1024));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
