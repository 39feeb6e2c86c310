/**
 * For handlers that ask other models while they predict a batch: the same rows in and out as online, by versions
 * that do not change while the run lasts.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { parseModelRef, type ModelRef } from '../../core/model.ts';
import { checkInputs } from '../../core/signature.ts';
import { decodeRows, encodeRows } from '../../protocol/rows.ts';
import type { PredictRows } from '../../runtime/runtime.ts';
import type { BatchModel } from './batch-model.ts';
import type { BatchModels } from './batch-models.ts';
import type { ModelReferences } from './pin-model.ts';

export interface ModelAsker extends AsyncDisposable {
  readonly predictRows: PredictRows;
}

export function createModelAsker(models: BatchModels, references: ModelReferences, timeoutMs: number): ModelAsker {
  const loaded = new Map<string, Promise<BatchModel>>();
  const open = (ref: ModelRef): Promise<BatchModel> => {
    const { name } = ref;
    const version = versionOf(references, ref);
    const key = `${name}/${version}`;
    let model = loaded.get(key);
    if (model === undefined) {
      loaded.set(key, (model = models.pin({ name, version }).then((pinned) => models.load(pinned))));
    }
    return model;
  };
  const predictRows: PredictRows = async (ref, rows) => {
    const model = await open(parseModelRef(ref));
    const { signature, batchRows } = model;
    const answers: Record<string, unknown>[] = [];
    for (let from = 0; from < rows.length; from += batchRows) {
      const own = rows.slice(from, from + batchRows);
      const { tensors } = checkInputs(signature, decodeRows(signature, own));
      const outputs = await model.run([tensors], { rows: own.length, timeoutMs, predictRows });
      answers.push(...encodeRows(signature, outputs, own.length));
    }
    return answers;
  };
  return {
    predictRows,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(Array.from(loaded.values(), async (model) => (await model)[Symbol.asyncDispose]()));
    },
  };
}

function versionOf(references: ModelReferences, { name, version, alias }: ModelRef): number {
  if (version !== undefined) return version;
  const known = Object.hasOwn(references, name) ? references[name] : undefined;
  const aliases = known?.aliases ?? {};
  const target = alias === undefined ? known?.default : Object.hasOwn(aliases, alias) ? aliases[alias] : undefined;
  if (target !== undefined) return target;
  const wanted = alias === undefined ? name : `${name}@${alias}`;
  throw new ServeryError(
    'MODEL_NOT_FOUND',
    `Cannot find model ${quote(wanted)}: it was not there when the run was planned`,
  );
}
