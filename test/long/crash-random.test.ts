/** Troubles at moments that a seed decides. `SERVERY_CRASH_SEEDS=41-60` runs these only. */
import { testRandomTroubles } from '../support/random-troubles.ts';

const [, from = '1', to = '200'] = /^([0-9]+)-([0-9]+)$/.exec(process.env['SERVERY_CRASH_SEEDS'] ?? '') ?? [];

testRandomTroubles({ from: Number(from), to: Number(to) }, 3_500_000);
