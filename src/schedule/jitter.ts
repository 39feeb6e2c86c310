/**
 * Jitter that is not random: the same job and instant always wait equally long.
 *
 * So a restart neither fires again nor moves a start, and a thousand jobs of one minute still spread over it.
 */

/** @returns 0 ≤ wait < `jitterMs`; FNV-1a, then Murmur's finaliser, since names often differ in one letter only */
export function jitterOf(jobName: string, scheduledForMs: number, jitterMs: number): number {
  if (jitterMs === 0) return 0;
  let hash = 0x811c9dc5;
  for (const char of `${jobName}@${scheduledForMs}`) {
    hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return Math.floor((((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * jitterMs);
}
