/** Troubles at moments that a seed decides; the long suite has ten times as many. */
import { testRandomTroubles } from '../support/random-troubles.ts';

testRandomTroubles({ from: 1, to: 20 }, 290_000);
