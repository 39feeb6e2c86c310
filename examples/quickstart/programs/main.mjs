// Counts the orders of the last hour: main.py for machines without Python.
import { readFile, readdir, writeFile } from 'node:fs/promises';

const { SERVERY_INTERVAL_START: start = '', SERVERY_INTERVAL_END: end = '', SERVERY_RESULT_FILE: result } = process.env;
let orders = 0;
for (const file of await readdir('data/orders').catch(() => [])) {
  const [, ...lines] = (await readFile(`data/orders/${file}`, 'utf8')).trim().split('\n');
  const times = lines.map((line) => Date.parse(line.split(',')[1] ?? ''));
  orders += times.filter((time) => time >= Date.parse(start) && time < Date.parse(end)).length;
}
console.log(`${orders} orders from ${start} to ${end}`);
if (result) await writeFile(result, JSON.stringify({ orders }));
