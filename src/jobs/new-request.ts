/** Names a run by hand for which nobody gave a name: short, as it is a part of the run's id, and people read these. */
import { randomBytes } from 'node:crypto';

export function newRequest(): string {
  return randomBytes(6).toString('hex');
}
