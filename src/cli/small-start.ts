/**
 * Keeps the young generations of a server small while it starts.
 *
 * What is loaded then stays, so that V8 lets them grow to their limit: to 16 MB in the main thread, which has little to
 * do afterwards, and to some in every other. Once the server is ready they grow as they need to. V8 has one such factor
 * for all threads of a process.
 */
import { setFlagsFromString } from 'node:v8';

export function keepYoungGenerationsSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

export function letYoungGenerationsGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
