/**
 * A float in a cell as pandas reads it: not always the nearest one, which the last digits of an answer may show.
 *
 * It takes 17 digits as they come, each into a double, and moves the point once by a power of ten.
 */
const MOST_DIGITS = 17;
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** @returns undefined for what is no number, or has no digit */
export function pandasFloat(cell: string): number | undefined {
  const [, sign, whole = '', fraction = '', power = '0'] = NUMBER.exec(cell.trim()) ?? [];
  if (sign === undefined || whole.length + fraction.length === 0) return undefined;
  let number = 0;
  const taken = (whole + fraction).slice(0, MOST_DIGITS);
  for (const digit of taken) number = number * 10 + Number(digit);
  // Digits that are left out before the point count, those after it do not.
  const exponent = Number(power) + whole.length - taken.length;
  const size = scaled(number, exponent);
  return sign === '-' ? -size : size;
}

function scaled(number: number, exponent: number): number {
  if (exponent > 308) return number === 0 ? 0 : Infinity;
  if (exponent >= 0) return number * powerOfTen(exponent);
  if (exponent >= -308) return number / powerOfTen(-exponent);
  return number / powerOfTen(Math.min(-308 - exponent, 308)) / powerOfTen(308);
}

/** The nearest double, where a product of tens may not be. */
function powerOfTen(exponent: number): number {
  return Number(`1e${exponent}`);
}
