/**
 * What every command works with: the database, the present instant, and the helpers that all of them share.
 *
 * Time comes with each command from the thread that gave it, so tests move it. Two clocks are told apart: the wall,
 * by which instants are stored, and a steady one, which shows when the wall was moved.
 */
import { ServeryError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { EventKind } from '../events.ts';
import type { RunPolicy } from '../job-state.ts';
import type { Sql } from './sql.ts';

/** A difference between the clocks that is no longer the scheduling of threads. */
const JUMP_MS = 1000;

export interface Instant {
  readonly wallMs: number;
  readonly steadyMs: number;
}

/** The most bytes of each kind of JSON that is kept. Rows never pass through here. */
const JSON_LIMITS = {
  spec: 1024 * 1024,
  params: 64 * 1024,
  progress: 16 * 1024,
  result: 256 * 1024,
  details: 256 * 1024,
  pinned: 4 * 1024 * 1024,
  plan: 64 * 1024 * 1024,
  chunk: 64 * 1024,
} as const;

export class Store {
  readonly sql: Sql;
  #now: Instant = { wallMs: 0, steadyMs: 0 };
  /** The last time the wall was moved forward. */
  #lastJump: Instant | undefined;
  #movedMs = 0;
  readonly #policies = new Map<string, RunPolicy>();

  constructor(sql: Sql) {
    this.sql = sql;
  }

  get nowMs(): number {
    return this.#now.wallMs;
  }

  /** Sets the present instant, and notices when the wall was moved since the last one. */
  setNow(now: Instant): void {
    const movedMs = now.wallMs - this.#now.wallMs - (now.steadyMs - this.#now.steadyMs);
    if (this.#now.wallMs > 0 && Math.abs(movedMs) > JUMP_MS) {
      this.#movedMs += movedMs;
      if (movedMs > 0) this.#lastJump = now;
    }
    this.#now = now;
  }

  /** By how much the wall was moved since this was last asked: durations that are being measured must bear it. */
  takeMovedMs(): number {
    const movedMs = Math.round(this.#movedMs);
    this.#movedMs = 0;
    return movedMs;
  }

  get wasMoved(): boolean {
    return this.#movedMs !== 0;
  }

  /**
   * How long the word of the wall about a lease cannot be trusted yet: it was moved, and the holder must have the
   * time to say that it lives.
   */
  graceMs(leaseMs: number): number {
    if (this.#lastJump === undefined) return 0;
    return Math.max(0, this.#lastJump.steadyMs + leaseMs - this.#now.steadyMs);
  }

  event(kind: EventKind, subject: { job?: string; run?: string }, data: Readonly<Record<string, Json>> = {}): void {
    this.sql.run(
      'INSERT INTO events (at_ms, kind, job, run_id, data) VALUES (?, ?, ?, ?, ?)',
      this.nowMs,
      kind,
      subject.job,
      subject.run,
      JSON.stringify(data),
    );
  }

  /** @throws {ServeryError} `JOB_NOT_FOUND` when the definition was never configured */
  policy(hash: string): RunPolicy {
    const known = this.#policies.get(hash);
    if (known !== undefined) return known;
    const row = this.sql.get<{ policy: string }>('SELECT policy FROM definitions WHERE hash = ?', hash);
    if (row === undefined) throw new ServeryError('JOB_NOT_FOUND', 'The definition of the run is not known');
    const policy = JSON.parse(row.policy) as RunPolicy;
    if (this.#policies.size >= 50_000) this.#policies.clear();
    this.#policies.set(hash, policy);
    return policy;
  }
}

/** @throws {ServeryError} `PAYLOAD_TOO_LARGE` */
export function jsonText(value: Json, kind: keyof typeof JSON_LIMITS): string {
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= JSON_LIMITS[kind]) return text;
  throw new ServeryError(
    'PAYLOAD_TOO_LARGE',
    `Cannot keep ${bytes} bytes as ${kind}: ${JSON_LIMITS[kind]} are allowed`,
    {
      hint: 'Write large results to a file and keep its name.',
    },
  );
}

export function parsed(text: string | null): Json | undefined {
  return text === null ? undefined : (JSON.parse(text) as Json);
}
