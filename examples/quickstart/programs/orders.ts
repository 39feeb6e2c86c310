// Writes the orders of one minute to data/orders/: rows of a real data set, in turn, with times inside the minute.
// The same minute gets the same orders, however often this runs. Orders of yesterday are cleared away.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';

const env = process.env;
const start = Date.parse(env.SERVERY_INTERVAL_START ?? '');
const end = Date.parse(env.SERVERY_INTERVAL_END ?? '');
const DAY_MS = 86_400_000;
const COLUMNS = 4;

const [header = '', ...flowers] = (await readFile('data/iris.held-out.csv', 'utf8')).trim().split('\n');
const minute = Math.floor(start / 60_000);
const count = 10 + (minute % 7);
const lines = Array.from({ length: count }, (_, i) => {
  const measures = flowers[(minute * 17 + i) % flowers.length]!.split(',').slice(0, COLUMNS);
  const at = new Date(start + Math.floor(((i + 0.5) * (end - start)) / count));
  return [`${minute}-${i}`, at.toISOString(), ...measures].join(',');
});

await mkdir('data/orders', { recursive: true });
const name = nameOf(start);
const text = [`order_id,ordered_at,${header.split(',').slice(0, COLUMNS).join(',')}`, ...lines, ''].join('\n');
// Whole or not at all: somebody may be reading the folder.
await writeFile(`${name}.new`, text);
await rename(`${name}.new`, name);

const yesterday = nameOf(start - DAY_MS);
for (const file of await readdir('data/orders')) {
  if (/^\d{8}T\d{4}Z\.csv$/.test(file) && `data/orders/${file}` < yesterday) await rm(`data/orders/${file}`);
}
if (env.SERVERY_RESULT_FILE) await writeFile(env.SERVERY_RESULT_FILE, JSON.stringify({ file: name, orders: count }));
console.log(`${count} orders in ${name}`);

function nameOf(instantMs: number): string {
  return `data/orders/${new Date(instantMs).toISOString().slice(0, 16).replace(/[-:]/g, '')}Z.csv`;
}
