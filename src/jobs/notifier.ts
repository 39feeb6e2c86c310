/**
 * Tells people: a webhook or a command for a run that failed, a job that works again, a deadline that has passed.
 *
 * It follows the engine's events and remembers in a file how far it has come, so that a notification survives a
 * restart. One that cannot be delivered is tried again for a while; it may then arrive twice, but not never.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatInstant } from '../core/data-interval.ts';
import { notice } from '../core/events.ts';
import type { Json } from '../core/json.ts';
import type { Engine } from '../engine/engine.ts';
import type { EngineEvent, EventKind } from '../engine/events.ts';
import { writeFileAtomically } from '../repository/atomic-file.ts';
import { inheritedEnvironment } from './command/command-environment.ts';
import { resolveSecrets, type SecretSource } from './command/secrets.ts';
import { readJob } from './job.ts';
import type { NOTIFIED, NotifyTarget } from './notify-options.ts';

export interface NotifierOptions {
  readonly engine: Engine;
  readonly stateFolder: string;
  /** Absolute; where commands run. */
  readonly workspace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secret: SecretSource;
  /** Of several processes on a workspace one tells. */
  isInCharge(): boolean;
}

export interface Notifier extends AsyncDisposable {
  /** Whatever happens from then on is told. */
  readonly isListening: Promise<void>;
  /** Whom to tell about every job. */
  configure(targets: readonly NotifyTarget[]): void;
}

/** What is sent, as JSON. */
interface Notification {
  readonly event: (typeof NOTIFIED)[number];
  readonly kind: EventKind;
  readonly at: string;
  readonly job: string | null;
  readonly run: string | null;
  readonly error: Json;
  readonly details: Json;
}

const KINDS: Readonly<Partial<Record<EventKind, Notification['event']>>> = {
  'run.failed': 'failure',
  'run.succeeded': 'recovery',
  'deadline.start': 'deadline',
  'deadline.finish': 'deadline',
  'deadline.fresh': 'deadline',
};
const DELIVERY_MS = 10_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 1000;
const AT_ONCE = 100;

export function startNotifier(options: NotifierOptions): Notifier {
  const { engine, stateFolder } = options;
  const file = join(stateFolder, 'notified.json');
  const closing = new AbortController();
  let everyJob: readonly NotifyTarget[] = [];
  let wake = Promise.withResolvers<void>();
  const listening = Promise.withResolvers<void>();
  const watch = engine.watch(() => wake.resolve());
  const done = follow();

  async function follow(): Promise<void> {
    let last = await readLast(file);
    while (!closing.signal.aborted) {
      try {
        // A new workspace, or one that never told: what was before is not news.
        last ??= await engine.lastEventId();
        listening.resolve();
        if (options.isInCharge()) last = await tellAfter(last);
        else last = (await readLast(file)) ?? last;
      } catch (error) {
        notice.publish({ level: 'error', message: 'Cannot read what is to be notified', error });
      }
      await Promise.race([wake.promise, sleep(FIRST_PAUSE_MS * 5, undefined, { ref: false })]);
      wake = Promise.withResolvers();
    }
  }

  async function tellAfter(afterId: number): Promise<number> {
    const kinds = Object.keys(KINDS) as EventKind[];
    let last = afterId;
    for (;;) {
      const events = await engine.events({ afterId: last, limit: AT_ONCE, kinds });
      for (const event of events) {
        await tell(event);
        last = event.id;
      }
      if (events.length > 0) await writeFileAtomically(file, `${JSON.stringify({ lastEventId: last })}\n`);
      if (events.length < AT_ONCE) return last;
    }
  }

  async function tell(event: EngineEvent): Promise<void> {
    const what = KINDS[event.kind]!;
    if (what === 'recovery' && event.data['recovered'] !== true) return;
    const targets = [...everyJob, ...(await targetsOf(event))].filter(({ on }) => on.includes(what));
    if (targets.length === 0) return;
    const notification = await describe(event, what);
    await Promise.all(targets.map((target) => deliver(target, notification)));
  }

  async function targetsOf({ job, runId }: EngineEvent): Promise<readonly NotifyTarget[]> {
    if (job === undefined) return [];
    const run = runId === undefined ? undefined : await engine.getRun(runId).catch(() => undefined);
    const definition =
      run === undefined ? (await engine.getJob(job)).definition : await engine.getDefinition(run.definitionHash);
    return definition === undefined ? [] : readJob(definition).notify;
  }

  async function describe(event: EngineEvent, what: Notification['event']): Promise<Notification> {
    const run = event.runId === undefined ? undefined : await engine.getRun(event.runId).catch(() => undefined);
    return {
      event: what,
      kind: event.kind,
      at: formatInstant(event.atMs),
      job: event.job ?? null,
      run: event.runId ?? null,
      error: run?.error === undefined ? null : { ...run.error },
      details: event.data,
    };
  }

  async function deliver(target: NotifyTarget, notification: Notification): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await ('webhook' in target ? post(target, notification, options) : start(target, notification, options));
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || closing.signal.aborted) {
          const message = `Cannot notify of a ${notification.event} of job ${notification.job}`;
          notice.publish({ level: 'error', message, error });
          return;
        }
        await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1), undefined, { ref: false });
      }
    }
  }

  return {
    isListening: listening.promise,
    configure: (targets) => void (everyJob = targets),
    async [Symbol.asyncDispose]() {
      closing.abort();
      watch[Symbol.dispose]();
      wake.resolve();
      await done;
    },
  };
}

async function post(
  { webhook, headers }: Extract<NotifyTarget, { webhook: string }>,
  notification: Notification,
  { secret }: NotifierOptions,
): Promise<void> {
  const response = await fetch(webhook, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...resolveSecrets(headers, secret) },
    body: JSON.stringify(notification),
    signal: AbortSignal.timeout(DELIVERY_MS),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`The webhook answered ${response.status}`);
}

function start(
  { command: [file = '', ...args] }: Extract<NotifyTarget, { command: readonly string[] }>,
  notification: Notification,
  { workspace, env }: NotifierOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(file, args, {
    cwd: workspace,
    env: { ...inheritedEnvironment(env), SERVERY_NOTIFICATION: JSON.stringify(notification) },
    stdio: 'ignore',
    timeout: DELIVERY_MS,
    killSignal: 'SIGKILL',
  });
  child.once('error', reject);
  child.once('exit', (code) => {
    if (code === 0) resolve();
    else reject(new Error(`${file} ended with ${code ?? 'a signal'}`));
  });
  return promise;
}

async function readLast(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { lastEventId } = JSON.parse(text) as { readonly lastEventId: number };
  return lastEventId;
}
