/**
 * Places where a crash test may end the process: before and after each step that must survive.
 *
 * A crash in mid-work is the one event that no test can cause from outside at the right moment. Without
 * `SERVERY_FAILPOINT` in the environment a failpoint is a call of an empty function.
 *
 *   SERVERY_FAILPOINT=engine.commitChunk.before:kill      SIGKILL, at once
 *   SERVERY_FAILPOINT=engine.commitChunk.after:kill@3     … the third time
 *   SERVERY_FAILPOINT=engine.commitChunk.before:stop      SIGSTOP: the process sleeps until it gets SIGCONT
 *   SERVERY_FAILPOINT=engine.commitChunk.before:throw     an error that nobody expects
 *   SERVERY_FAILPOINT_LOG=FILE                            appends the name of each one that is passed
 */
import { appendFileSync } from 'node:fs';

/** Every failpoint there is, so that a test can walk over all of them. */
export const FAILPOINTS = [
  // Each transaction of the engine that changes what a run is or has done
  'engine.schedule.before',
  'engine.schedule.after',
  'engine.addRun.before',
  'engine.addRun.after',
  'engine.createBackfill.before',
  'engine.createBackfill.after',
  'engine.claim.before',
  'engine.claim.after',
  'engine.recordStep.before',
  'engine.recordStep.after',
  'engine.savePlan.before',
  'engine.savePlan.after',
  'engine.commitChunk.before',
  'engine.commitChunk.after',
  'engine.finishAttempt.before',
  'engine.finishAttempt.after',
  'engine.reconcile.before',
  'engine.reconcile.after',
  'engine.prune.before',
  'engine.prune.after',
  // Each step after which more of an output is on the disk
  'dataset.stage.before',
  'dataset.stage.after',
  'dataset.badRows.before',
  'dataset.badRows.after',
  'dataset.assemble.before',
  'dataset.assemble.after',
  'dataset.publish.before',
  'dataset.publish.after',
  'dataset.manifest.before',
  'dataset.manifest.after',
  'dataset.clean.before',
  'dataset.clean.after',
  'dataset.commit.before',
  'dataset.commit.after',
  // The answer of a stored request
  'request.send.before',
  'request.send.after',
  'request.publish.before',
  'request.publish.after',
  // Programs of steps
  'command.start.before',
  'command.start.after',
  'command.end',
  // A trained version goes live
  'train.publish.before',
  'train.publish.after',
  'train.alias.after',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

/** Does what the environment says for this place, which is nothing in real life. */
export const failpoint: (name: Failpoint) => void = armed(
  process.env['SERVERY_FAILPOINT'],
  process.env['SERVERY_FAILPOINT_LOG'],
);

function armed(text: string | undefined, logFile: string | undefined): (name: Failpoint) => void {
  if (text === undefined && logFile === undefined) return () => undefined;
  const armedAt = new Map((text ?? '').split(',').filter(Boolean).map(parse));
  const passed = new Map<string, number>();
  return (name) => {
    const times = (passed.get(name) ?? 0) + 1;
    passed.set(name, times);
    if (logFile !== undefined) appendFileSync(logFile, `${name}\n`);
    const { action, time } = armedAt.get(name) ?? {};
    if (time !== times) return;
    if (action === 'throw') throw new Error(`Failpoint ${name}`);
    process.kill(process.pid, action === 'stop' ? 'SIGSTOP' : 'SIGKILL');
    // A signal to oneself is delivered a little later; nothing more may happen until then.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action === 'stop' ? 20 : 10_000);
  };
}

function parse(text: string): [name: string, at: { readonly action: string; readonly time: number }] {
  const [, name = '', action = '', time = '1'] = /^([^:]+):(kill|stop|throw)(?:@([0-9]+))?$/.exec(text) ?? [];
  if (!(FAILPOINTS as readonly string[]).includes(name)) {
    throw new Error(`SERVERY_FAILPOINT: expected NAME:kill|stop|throw[@N] with a known name, got ${text}`);
  }
  return [name, { action, time: Number(time) }];
}
