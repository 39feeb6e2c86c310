/** `npm run bench -- online [--only TEXT] [--seconds N] [--repetitions N]`. The peers have their place in bench/peers. */
import { parseArgs } from 'node:util';
import { runOnline } from './online/run.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    repetitions: { type: 'string', default: '3' },
  },
});
if (positionals[0] !== 'online' || positionals.length > 1) {
  console.error('Usage: npm run bench -- online [--only TEXT] [--seconds N] [--repetitions N]');
  process.exit(2);
}
await runOnline({ only: values.only, seconds: Number(values.seconds), repetitions: Number(values.repetitions) });
