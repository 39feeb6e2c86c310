import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { defineConfig } from 'servery';

const node = process.execPath;
/** The hourly program is Python where there is one, else the same in JavaScript. */
const python = ['python3', 'python'].find((name) => isOnPath(name));
const main = python === undefined ? [node, 'programs/main.mjs'] : [python, 'programs/main.py'];

export default defineConfig({
  jobs: {
    'score-orders': {
      description: 'The orders of the last minute: which flower was it?',
      schedule: { cron: '* * * * *' },
      steps: {
        // Stands for the shop: writes the orders of the minute, which are real measurements with present times.
        orders: { command: [node, 'programs/orders.ts'] },
        score: {
          needs: ['orders'],
          predict: {
            model: 'iris',
            input: { path: 'data/orders/*.csv', timeColumn: 'ordered_at', timeZone: 'UTC' },
            output: { path: 'scores/orders/', format: 'parquet' },
            passthrough: ['order_id', 'ordered_at'],
            labels: true,
            onBadRow: 'quarantine',
          },
        },
      },
      retry: { attempts: 3, delay: '2s' },
    },
    'nightly-biopsies': {
      description: 'All biopsies of the archive, every evening in Seoul.',
      schedule: { cron: '0 20 * * *', timezone: 'Asia/Seoul', interval: 'none' },
      predict: {
        model: 'breast-cancer',
        input: { path: 'data/breast-cancer.held-out.csv' },
        output: { path: 'scores/biopsies.csv' },
        passthrough: ['expected_label'],
        labels: true,
      },
    },
    'weekly-training': {
      description: 'Learns the flowers anew; goes live when it is no worse.',
      schedule: { cron: '0 3 * * MON' },
      train: {
        function: 'programs/train.ts#trainFlowers',
        publish: { model: 'flowers', alias: 'champion' },
        gate: { metric: 'accuracy', minimum: 0.85, notWorseBy: 0.05 },
      },
    },
    hourly: {
      description: 'A program that knows nothing of Servery but its environment.',
      schedule: { cron: '0 * * * *' },
      command: main,
    },
  },
  batch: { retention: { runs: '7d', keepRuns: 50 } },
});

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}
