// Turns the events of node:test into one JSON line for each finished test: exact counts, and skips with names.
import type { TestEvent as NodeTestEvent } from 'node:test/reporters';

export interface TestEvent {
  /** `complete` comes last: without it the process ended before its tests did. */
  readonly outcome: 'passed' | 'failed' | 'skipped' | 'complete';
  readonly name: string;
  readonly reason?: string;
}

export default async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, skip, todo, details } = event.data;
    const isSuite = details.type === 'suite';
    const isSkipped = (skip !== undefined && skip !== false) || (todo !== undefined && todo !== false);
    if (isSkipped) {
      yield line({ outcome: 'skipped', name });
    } else if (event.type === 'test:pass') {
      if (!isSuite) yield line({ outcome: 'passed', name });
    } else {
      const { error } = event.data.details;
      // A suite fails with its tests, which are counted themselves; only its own failure is news.
      const failureType = (error as { failureType?: string }).failureType;
      if (failureType === 'subtestsFailed') continue;
      const cause = error.cause instanceof Error ? error.cause.message : String(error.cause ?? error.message);
      yield line({ outcome: 'failed', name, reason: cause.split('\n', 1)[0]! });
    }
  }
  yield line({ outcome: 'complete', name: '' });
}

function line(event: TestEvent): string {
  return `${JSON.stringify(event)}\n`;
}
