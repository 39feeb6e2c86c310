/**
 * `npm run bench -- online [--only TEXT] [--seconds N] [--repetitions N]`, and `-- batch [--only TEXT]
 * [--repetitions N]`. The peers have their place in bench/peers.
 */
import { parseArgs } from 'node:util';
import { runBatch } from './batch/run.ts';
import { runOnline } from './online/run.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    repetitions: { type: 'string', default: '3' },
  },
});
const { only } = values;
const repetitions = Number(values.repetitions);
const [bench] = positionals;
if (positionals.length === 1 && bench === 'online') {
  await runOnline({ only, seconds: Number(values.seconds), repetitions });
} else if (positionals.length === 1 && bench === 'batch') await runBatch({ only, repetitions });
else {
  console.error('Usage: npm run bench -- online|batch [--only TEXT] [--seconds N] [--repetitions N]');
  process.exit(2);
}
