// Writes the orders of one minute to data/orders/: rows of a real data set, in turn, with times inside the minute.
// There is a file for each hour. The same minute gets the same orders, however often this runs; old hours are removed.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';

const env = process.env;
const start = Date.parse(env.SERVERY_INTERVAL_START ?? '');
const end = Date.parse(env.SERVERY_INTERVAL_END ?? '');
const HOUR_MS = 3_600_000;
const KEPT_HOURS = 6;
const COLUMNS = 4;

const [header = '', ...flowers] = (await readFile('data/iris.held-out.csv', 'utf8')).trim().split('\n');
const minute = Math.floor(start / 60_000);
const count = 10 + (minute % 7);
const orders = Array.from({ length: count }, (_, i) => {
  const measures = flowers[(minute * 17 + i) % flowers.length]!.split(',').slice(0, COLUMNS);
  const at = new Date(start + Math.floor(((i + 0.5) * (end - start)) / count));
  return [`${minute}-${i}`, at.toISOString(), ...measures].join(',');
});

await mkdir('data/orders', { recursive: true });
const file = fileOf(start);
const [, ...others] = (await readFile(file, 'utf8').catch(() => '')).trim().split('\n');
const lines = [...others.filter((line) => !line.startsWith(`${minute}-`)), ...orders];
const names = ['order_id', 'ordered_at', ...header.split(',').slice(0, COLUMNS)].join(',');
// Whole or not at all: somebody may be reading the folder.
await writeFile(`${file}.new`, [names, ...lines, ''].join('\n'));
await rename(`${file}.new`, file);

const oldest = fileOf(start - KEPT_HOURS * HOUR_MS);
for (const name of await readdir('data/orders')) {
  if (/^\d{8}T\d\dZ\.csv$/.test(name) && `data/orders/${name}` < oldest) await rm(`data/orders/${name}`);
}
if (env.SERVERY_RESULT_FILE) await writeFile(env.SERVERY_RESULT_FILE, JSON.stringify({ file, orders: count }));
console.log(`${count} orders in ${file}`);

function fileOf(instantMs: number): string {
  return `data/orders/${new Date(instantMs).toISOString().slice(0, 13).replaceAll('-', '')}Z.csv`;
}
