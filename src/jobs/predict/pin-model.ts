/**
 * Which version a reference means, for work that does not go through a server.
 *
 * The rule is that of the online half: an alias is its target, a name alone is the alias `default` if it is set, else
 * the highest version that is wanted and has an artifact. What is pinned also holds the options and the fingerprint
 * of the files, so that work which is taken up again later notices when they are no longer the same.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { formatModelRef, type ModelArtifact, type ModelRef, type ModelVersion } from '../../core/model.ts';
import { resolveModelOptions, type ModelConfig, type ModelConfigInput } from '../../models/model-options.ts';
import { wantedVersions } from '../../models/version-policy.ts';
import { FolderRepository, type FolderRepositoryOptions } from '../../repository/folder-repository.ts';
import type { StoredModel } from '../../repository/settle.ts';

export interface ModelSource extends Pick<FolderRepositoryOptions, 'modelsFolder' | 'stateFolder'> {
  /** What the configuration says about each model. */
  readonly models: Readonly<Record<string, ModelConfigInput>>;
}

/** Plain JSON: it is a part of the plan. */
export interface PinnedModel extends ModelVersion {
  readonly fingerprint: string;
  readonly options: ModelConfig;
}

/** What each name and alias means at one moment. Plain JSON. */
export type ModelReferences = Readonly<
  Record<string, { readonly default?: number; readonly aliases: Readonly<Record<string, number>> }>
>;

/**
 * @param broken versions that are not to be chosen where the reference leaves the choice
 * @throws {ServeryError} `MODEL_NOT_FOUND`, `MODEL_INVALID`, `CONFIG_INVALID`
 */
export async function pinModel(
  source: ModelSource,
  ref: ModelRef,
  broken: ReadonlySet<number> = new Set(),
): Promise<PinnedModel> {
  return look(source, async (repository, models) => {
    const stored = models.find(({ name }) => name === ref.name);
    if (stored === undefined) {
      throw new ServeryError('MODEL_NOT_FOUND', `Cannot find model ${quote(ref.name)} in the workspace`);
    }
    const { options, aliases } = await readSettings(repository, source, ref.name);
    const version = ref.version ?? targetOf(stored, options, aliases, ref, broken);
    const found = stored.versions.find((candidate) => candidate.version === version);
    if (found === undefined) {
      throw new ServeryError(
        'MODEL_NOT_FOUND',
        `Cannot find model ${quote(formatModelRef(ref))}: version ${version} is not there`,
      );
    }
    artifactOf(ref.name, found);
    return { name: ref.name, version, fingerprint: found.fingerprint, options };
  });
}

/** @throws {ServeryError} `MODEL_NOT_FOUND`, or `MODEL_CHANGED` when the files are not those that were pinned */
export async function findArtifact(source: ModelSource, pinned: PinnedModel): Promise<ModelArtifact> {
  return look(source, async (_repository, models) => {
    const { name, version, fingerprint } = pinned;
    const found = models
      .find((model) => model.name === name)
      ?.versions.find((candidate) => candidate.version === version);
    if (found === undefined) {
      throw new ServeryError('MODEL_NOT_FOUND', `Cannot find model ${quote(`${name}/${version}`)}: it was removed`);
    }
    if (found.fingerprint !== fingerprint) {
      throw new ServeryError(
        'MODEL_CHANGED',
        `The files of model ${quote(`${name}/${version}`)} have changed since the run was planned`,
      );
    }
    return artifactOf(name, found);
  });
}

/** For handlers that ask other models: what every reference means now. Models that cannot be understood are left out. */
export async function readReferences(source: ModelSource): Promise<ModelReferences> {
  return look(source, async (repository, models) => {
    const entries = await Promise.all(
      models.map(async (stored) => {
        try {
          const { options, aliases } = await readSettings(repository, source, stored.name);
          const highest = highestOf(stored, options, aliases);
          const byDefault = aliases['default'] ?? highest;
          return [[stored.name, { ...(byDefault !== undefined && { default: byDefault }), aliases }] as const];
        } catch (error) {
          if (error instanceof ServeryError) return [];
          throw error;
        }
      }),
    );
    return Object.fromEntries(entries.flat());
  });
}

/** One look at the folder that waits for what is being copied, as a server does. */
async function look<T>(
  source: ModelSource,
  read: (repository: FolderRepository, models: readonly StoredModel[]) => Promise<T>,
): Promise<T> {
  await using repository = new FolderRepository(source);
  const { models } = await repository.watch(() => undefined);
  return await read(repository, models);
}

type Targets = Readonly<Record<string, number>>;

async function readSettings(
  repository: FolderRepository,
  source: ModelSource,
  name: string,
): Promise<{ readonly options: ModelConfig; readonly aliases: Targets }> {
  const config = Object.hasOwn(source.models, name) ? source.models[name] : undefined;
  const options = resolveModelOptions(name, await repository.readOptions(name), config);
  const kept = Object.entries(await repository.readAliases(name)).map(
    ([alias, { version }]) => [alias, version] as const,
  );
  return { options, aliases: { ...options.aliases, ...Object.fromEntries(kept) } };
}

function targetOf(
  stored: StoredModel,
  options: ModelConfig,
  aliases: Targets,
  { name, alias }: ModelRef,
  broken: ReadonlySet<number>,
): number {
  const wanted = alias ?? 'default';
  if (Object.hasOwn(aliases, wanted)) return aliases[wanted]!;
  if (alias !== undefined) {
    throw new ServeryError('MODEL_NOT_FOUND', `Model ${quote(name)} has no alias ${quote(alias)}`);
  }
  const highest = highestOf(stored, options, aliases, broken);
  if (highest !== undefined) return highest;
  throw new ServeryError('MODEL_NOT_FOUND', `Model ${quote(name)} has no version that can be loaded`);
}

function highestOf(
  { versions }: StoredModel,
  { versions: policy }: ModelConfig,
  aliases: Targets,
  broken: ReadonlySet<number> = new Set(),
): number | undefined {
  const known = versions.map(({ version, content }) => {
    const isBroken = typeof content === 'string' || broken.has(version);
    return { version, onDisk: true, state: isBroken ? 'failed' : 'absent' } as const;
  });
  const targets = Object.values(aliases).map((target) => ({ target, serving: undefined }));
  const wanted = wantedVersions({ versions: known, policy, aliases: targets, pinned: [], held: false });
  return wanted.size === 0 ? undefined : Math.max(...wanted);
}

function artifactOf(name: string, { version, content }: StoredModel['versions'][number]): ModelArtifact {
  if (typeof content === 'object') return content;
  throw new ServeryError('MODEL_INVALID', `Cannot use model ${quote(`${name}/${version}`)}: ${content}`);
}
