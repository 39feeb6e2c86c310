/** Who ticks: one process of all that have the file open. */
import { ServeryError } from '../../core/errors.ts';
import type { TickerLease } from '../engine.ts';
import { isKnownDead, thisProcess } from './processes.ts';
import type { Store } from './store.ts';

interface TickerRow {
  readonly holder: string;
  readonly pid: number;
  readonly process: string;
  readonly epoch: number;
  readonly ttl_ms: number;
  readonly expires_ms: number;
}

/** False while another one is alive: then asking again costs no transaction. */
export function mayTick(store: Store, holder: string): boolean {
  const row = tickerRow(store);
  return row === undefined || row.holder === holder || isFree(store, row);
}

export function acquireTicker(store: Store, holder: string, ttlMs: number): TickerLease | undefined {
  const row = tickerRow(store);
  if (row !== undefined && row.holder !== holder && !isFree(store, row)) return undefined;
  const epoch = row?.holder === holder ? row.epoch : (row?.epoch ?? 0) + 1;
  store.sql.run(
    'INSERT OR REPLACE INTO ticker (only_row, holder, pid, process, epoch, ttl_ms, expires_ms) VALUES (1, ?, ?, ?, ?, ?, ?)',
    holder,
    process.pid,
    thisProcess,
    epoch,
    ttlMs,
    store.nowMs + ttlMs,
  );
  return { holder, epoch };
}

export function releaseTicker({ sql }: Store, { holder, epoch }: TickerLease): void {
  // The row stays: the next holder's epoch must be higher.
  sql.run('UPDATE ticker SET expires_ms = 0 WHERE holder = ? AND epoch = ?', holder, epoch);
}

/** @throws {ServeryError} `LEASE_LOST` */
export function requireTicker(store: Store, { holder, epoch }: TickerLease): void {
  const row = tickerRow(store);
  if (row?.holder === holder && row.epoch === epoch) return;
  throw new ServeryError('LEASE_LOST', 'Cannot schedule: another process has taken over the schedules');
}

function tickerRow({ sql }: Store): TickerRow | undefined {
  return sql.get<TickerRow>('SELECT * FROM ticker');
}

function isFree(store: Store, row: TickerRow): boolean {
  if (row.expires_ms === 0 || isKnownDead(row.pid, row.process)) return true;
  // A lease that reaches further than its length was written before the clock was moved back.
  const isPlausible = row.expires_ms <= store.nowMs + row.ttl_ms + 1000;
  return (row.expires_ms <= store.nowMs || !isPlausible) && store.graceMs(row.ttl_ms) === 0;
}
