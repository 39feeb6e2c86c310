/** `npm run bench -- arena`: Servery beside the alternatives and the floors, in one run. See bench/README.md. */
import { printFigure } from '../figures.ts';
import { modelOf } from '../online/cases.ts';
import { requireModels } from '../online/workspace.ts';
import { install } from '../peers/install.ts';
import { PEERS } from '../peers/peers.ts';
import { save } from '../results.ts';
import { HEADING, textOf, type Line } from '../table.ts';
import { BATCH_CASES, runBatchArena } from './batch.ts';
import { CASES } from './cases.ts';
import { byHandContender, echoContender, peerContender, serveryContender, type Contender } from './contender.ts';
import { runOnlineArena, type ArenaEffort } from './online.ts';
import { measureQuickstart, runStarts, STARTS } from './starts.ts';
import { publish } from './publish.ts';
import { referencesFor, type References } from './reference.ts';

export interface ArenaOptions extends ArenaEffort {
  /** Only cases whose name contains this. */
  readonly only: string | undefined;
  /** Names, separated by commas: only these peers. */
  readonly peers: string | undefined;
  /** Keep the result as this version's. */
  readonly keep: boolean;
}

export async function runArena({ only = '', peers, keep, ...effort }: ArenaOptions): Promise<void> {
  const cases = CASES.filter(({ name }) => name.includes(only));
  const batchCases = BATCH_CASES.filter(({ title }) => title.includes(only));
  const measuresStarts = STARTS.includes(only);
  const models = [...new Set([...cases.map(({ model }) => model), ...(measuresStarts ? ['iris'] : [])])];
  await requireModels([...models, ...batchCases.map(({ name }) => (name === '30-64-1' ? 'tiny' : name))]);
  const references = await referencesFor(models.map(modelOf));
  const missing = new Map<string, string>();
  const failed = (title: string, error: unknown) => {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    missing.set(title, reason);
    console.log(`${title} takes no part: ${reason}`);
  };
  const contenders = await contendersOf(peers?.split(','), references, failed);

  const lines: Line[] = [];
  const print = (measured: readonly Line[]) => {
    lines.push(...measured);
    for (const line of measured) console.log(textOf(line));
  };
  console.log(HEADING);
  const servery = serveryContender(references);
  const arena = { cases, servery, contenders, references, effort, print, failed };
  await runOnlineArena(arena);
  if (measuresStarts) await runStarts(arena);
  const isWanted = (name: string) => peers === undefined || name === 'loop' || peers.split(',').includes(name);
  await runBatchArena({ ...arena, cases: batchCases, isWanted });
  const figures = measuresStarts ? await measureQuickstart(references, effort.repetitions) : [];
  for (const figure of figures) printFigure(figure);
  const result = await save('arena', [...lines, ...figures], { keep, missing: Object.fromEntries(missing) });
  // A part of it says nothing about the rest.
  if (only === '' && peers === undefined) await publish(lines, figures, result);
}

async function contendersOf(
  names: readonly string[] | undefined,
  references: References,
  failed: (title: string, error: unknown) => void,
): Promise<readonly Contender[]> {
  const unknown = names?.filter((name) => !PEERS.some((peer) => peer.name === name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`no peer ${unknown.join(', ')}; there are ${PEERS.map(({ name }) => name).join(', ')}`);
  }
  const contenders: Contender[] = [echoContender(references), byHandContender(references)];
  for (const peer of PEERS.filter(({ name }) => names === undefined || names.includes(name))) {
    if (names === undefined && peer.onlyWhenNamed !== undefined) {
      failed(peer.title, peer.onlyWhenNamed);
      continue;
    }
    const installed = await install(peer.folder, peer.python);
    if ('reason' in installed) failed(peer.title, installed.reason);
    else contenders.push(peerContender(peer, installed, references));
  }
  return contenders;
}
