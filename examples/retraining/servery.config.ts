import { defineConfig } from 'servery';

/** A model that is trained anew every week, and goes live only when it is worth it. */
export default defineConfig({
  jobs: {
    'weekly-digits': {
      description: 'Trains digits on all scans but the held-out ones.',
      schedule: { cron: '0 3 * * MON' },
      // How many scans to learn from: with very few the gate has something to refuse.
      params: { scans: { type: 'integer', minimum: 20, default: 1400 } },
      train: {
        command: ['uv', 'run', 'train.py'],
        publish: { model: 'digits', alias: 'champion' },
        gate: {
          metric: 'accuracy',
          minimum: 0.9,
          notWorseBy: 0.02,
          heldOut: { input: 'data/held-out.csv', target: 'expected_label', notWorseBy: 0.01 },
        },
      },
      timeout: { run: '30m' },
    },
  },
});
