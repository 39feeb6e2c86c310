/** `servery check`: what a server and a scheduler would do with the workspace, and what is wrong with it, without serving. */
import { resolve } from 'node:path';
import { checkJobs, type JobCheck } from '../../app/check-jobs.ts';
import { inspectWorkspace } from '../../app/inspect.ts';
import { openWorkspace } from '../../app/workspace.ts';
import { notice, type Notice } from '../../core/events.ts';
import { describeModel } from '../../models/describe.ts';
import { describeProtocolMap, protocolMap } from '../../protocol/protocol-map.ts';
import type { Result } from '../output.ts';

export async function check(folder: string): Promise<Result> {
  const workspace = await openWorkspace(resolve(folder), process.env, {});
  const notices: Notice[] = [];
  using _ = notice.subscribe((one) => notices.push(one));
  const models = await inspectWorkspace(workspace);
  const jobs = await checkJobs(workspace);
  const broken = models.filter((model) => !model.unloaded && !model.versions.some(({ live }) => live));
  const failures = broken.flatMap(({ name, versions }) =>
    versions.map(({ version, reason }) => ({ subject: `${name}/${version}`, text: reason || 'it is not live' })),
  );
  const warnings = notices
    .filter(({ level }) => level !== 'info')
    .map(({ model, message }) => ({ subject: subjectOf(model), text: message }))
    // Why a version could not be loaded is in the log too.
    .filter(({ subject, text }) => !failures.some((one) => one.subject === subject && text.includes(one.text)));
  const problems = [
    ...failures.map(({ subject, text }) => `${subject}: ${text}`),
    ...jobs.flatMap(({ job, problems: found }) => found.map((line) => `${job}: ${line}`)),
    ...(models.length + jobs.length === 0 ? ['There is nothing to serve and nothing to run: no model, no job'] : []),
    ...warnings.map(({ subject, text }) => (subject === undefined ? text : `${subject}: ${text}`)),
  ];
  const protocols = protocolMap(workspace.config.protocols);
  const isGood = problems.length === 0;
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const summary = isGood
    ? `${models.length} models, ${jobs.length} jobs, nothing to complain of`
    : `${count}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  return {
    value: { ok: isGood, models, jobs, protocols, problems },
    text: [...models.map(describeModel), ...jobs.map(describeJob), describeProtocolMap(protocols), summary].join(
      '\n\n',
    ),
    exitCode: isGood ? 0 : 1,
  };
}

function subjectOf(model: Notice['model']): string | undefined {
  return model !== undefined && 'version' in model ? `${model.name}/${model.version}` : model?.name;
}

function describeJob({ job, notes, warnings }: JobCheck): string {
  return [`job ${job}`, ...notes.map((line) => `  ${line}`), ...warnings.map((line) => `  warning: ${line}`)].join(
    '\n',
  );
}
