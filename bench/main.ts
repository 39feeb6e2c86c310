/** `npm run bench -- NAME …`. See bench/README.md. */
import { parseArgs } from 'node:util';
import { runArena } from './arena/run.ts';
import { runBatch } from './batch/run.ts';
import { runCompare } from './compare.ts';
import { runDoors } from './doors/run.ts';
import { runOnline } from './online/run.ts';
import { runSmoke } from './smoke.ts';

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
const [bench, ...refs] = positionals;
if (bench === 'compare' && refs.length === 2) {
  await runCompare({ refs: refs as [string, string], only, seconds, repetitions });
} else if (refs.length > 0) usage();
else if (bench === 'arena') await runArena({ only, peers, seconds, repetitions, keep });
else if (bench === 'online') await runOnline({ only, seconds, repetitions, keep });
else if (bench === 'doors') await runDoors({ only, seconds, repetitions, keep });
else if (bench === 'batch') await runBatch({ only, repetitions, keep });
else if (bench === 'smoke') process.exitCode = (await runSmoke()) ? 0 : 1;
else usage();

function usage(): never {
  const options = '[--only TEXT] [--seconds N] [--repetitions N]';
  console.error(`Usage: npm run bench -- online|doors|batch ${options} [--keep]
       npm run bench -- arena ${options} [--peers A,B] [--keep]
       npm run bench -- compare REF_A REF_B ${options}
       npm run bench -- smoke`);
  process.exit(2);
}
