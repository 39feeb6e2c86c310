/** `servery profile MODEL`: which way of serving suits, by what this machine measures. */
import { resolve } from 'node:path';
import { profileModel, type Profile } from '../../app/profile.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { ServeryError } from '../../core/errors.ts';
import { parseModelRef } from '../../core/model.ts';
import { table, type Result } from '../output.ts';

export interface ProfileFlags {
  readonly workspace: string;
  readonly pricePerHour: string;
  readonly seconds: string;
}

export async function profile(model: string, { workspace, pricePerHour, seconds }: ProfileFlags): Promise<Result> {
  const opened = await openWorkspace(resolve(workspace), process.env, {});
  const measured = await profileModel(opened, parseModelRef(model), {
    pricePerHour: positive('--price-per-hour', pricePerHour),
    seconds: positive('--seconds', seconds),
  });
  return { value: { profile: measured }, text: describe(measured) };
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new ServeryError('USAGE', `Cannot read ${flag}: expected a number above 0`);
}

function describe(profile: Profile): string {
  const { model, alone, online, batches, bestBatchRows, batch, pricePerHour } = profile;
  const rows = batches.map(({ rows: n, msPerRun, msPerRow, pricePerMillionRows }) => {
    const mark = n === bestBatchRows ? '  <- best' : '';
    return [String(n), ms(msPerRun), ms(msPerRow), `${money(pricePerMillionRows)}${mark}`];
  });
  const times = online.pricePerMillionRows / batch.pricePerMillionRows;
  const cheaper = times >= 1.1 ? `${round(times)} times cheaper than one by one` : 'no cheaper than one by one';
  return [
    `${model.name}/${model.version}, at ${money(pricePerHour)} an hour`,
    '',
    table([['ROWS A RUN', 'MS A RUN', 'MS A ROW', 'PER MILLION ROWS'], ...rows]),
    '',
    `One row alone:    ${ms(alone.p50Ms)} ms (p99 ${ms(alone.p99Ms)} ms)`,
    `Online:           ${count(online.requestsPerSecond)} requests of one row a second, then it is full (without HTTP)`,
    `                  ${money(online.pricePerMillionRows)} for a million rows when it is full; idle, it costs the same by the hour`,
    `Batch:            ${count(batch.rowsPerHour)} rows an hour in runs of ${bestBatchRows} (without files)`,
    `                  ${money(batch.pricePerMillionRows)} for a million rows, ${cheaper}`,
    '',
    `By the input:     rows that come one at a time -> online; many at once -> batch.`,
    `By the output:    needed in the answer, within ${ms(alone.p99Ms)} ms and more -> online; every hour is enough -> batch.`,
    `                  The rows of a full hour online take batch ${duration((online.requestsPerSecond * 3600) / batch.rowsPerHour)}.`,
  ].join('\n');
}

function round(value: number): string {
  return String(Number(value.toPrecision(2)));
}

const ms = (value: number) => String(Number(value.toPrecision(3)));
const count = (value: number) => Math.round(value).toLocaleString('en');
const money = (value: number) => `$${Number(value.toPrecision(2))}`;

function duration(hours: number): string {
  return hours >= 1 ? `${round(hours)} hours` : `${round(hours * 60)} minutes`;
}
