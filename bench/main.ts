/** `npm run bench -- NAME …`. See bench/README.md. */
import { parseArgs } from 'node:util';
import { runArena } from './arena/run.ts';
import { runBatch } from './batch/run.ts';
import { runOnline } from './online/run.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    repetitions: { type: 'string', default: '3' },
    keep: { type: 'boolean', default: false },
  },
});
const { only, peers, keep } = values;
const [seconds, repetitions] = [Number(values.seconds), Number(values.repetitions)];
const [bench] = positionals;
if (positionals.length === 1 && bench === 'arena') await runArena({ only, peers, seconds, repetitions, keep });
else if (positionals.length === 1 && bench === 'online') await runOnline({ only, seconds, repetitions, keep });
else if (positionals.length === 1 && bench === 'batch') await runBatch({ only, repetitions, keep });
else {
  console.error(
    'Usage: npm run bench -- arena|online|batch [--only TEXT] [--peers A,B] [--seconds N] [--repetitions N] [--keep]',
  );
  process.exit(2);
}
