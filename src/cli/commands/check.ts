/** `servery check`: what a server would do with the workspace, and what is wrong with it, without serving. */
import { resolve } from 'node:path';
import { inspectWorkspace } from '../../app/inspect.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { notice, type Notice } from '../../core/events.ts';
import { describeModel } from '../../models/describe.ts';
import type { Result } from '../output.ts';

export async function check(folder: string): Promise<Result> {
  const workspace = await openWorkspace(resolve(folder), process.env, {});
  const notices: Pick<Notice, 'level' | 'message'>[] = [];
  using _ = notice.subscribe(({ level, message }) => notices.push({ level, message }));
  const models = await inspectWorkspace(workspace);
  const broken = models.filter((model) => !model.unloaded && !model.versions.some(({ live }) => live));
  const problems = [
    ...broken.flatMap(({ name, versions }) =>
      versions.map(({ version, reason }) => `${name}/${version}: ${reason || 'it is not live'}`),
    ),
    ...notices.filter(({ level }) => level !== 'info').map(({ message }) => message),
  ];
  const isGood = problems.length === 0;
  const summary = isGood
    ? `${models.length} models, nothing to complain of`
    : `${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  return {
    value: { ok: isGood, models, problems },
    text: [...models.map(describeModel), summary].join('\n\n'),
    exitCode: isGood ? 0 : 1,
  };
}
