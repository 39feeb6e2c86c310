/** A loaded version as batch work runs it: padded as online, watched for runs that do not end. */
import { systemClock } from '../../core/clock.ts';
import { ServeryError } from '../../core/errors.ts';
import type { ModelVersion } from '../../core/model.ts';
import type { Signature } from '../../core/signature.ts';
import { sliceRows, type Tensor } from '../../core/tensor.ts';
import type { LoadedVersion } from '../../models/load-version.ts';
import type { PredictRows, Runner } from '../../runtime/runtime.ts';

export interface BatchModel extends AsyncDisposable {
  readonly model: ModelVersion;
  readonly signature: Signature;
  /** Most rows of a run. With any number up to it, a row has the answer that it has online. */
  readonly batchRows: number;
  /** Runs to have under way, so that the model never waits for its next rows. */
  readonly concurrency: number;
  /** Rows that it takes, by the names of their features; real ones where the user gave some. */
  readonly exampleRows: readonly Record<string, unknown>[];
  /** It is a handler, which may ask other models. */
  readonly mayAsk: boolean;
  /** What was found out about the version, a line each. */
  readonly notes: readonly string[];
  /** A run has not ended in its time, and its thread waits for it. */
  readonly isStuck: boolean;
  /**
   * Computes the outputs of at most `batchRows` rows.
   *
   * @param parts stacked along axis 0; checked against the signature
   * @throws {ServeryError} `MODEL_FAILED`, `HANDLER_FAILED` …; `DEADLINE_EXCEEDED` when it takes longer than `timeoutMs`
   */
  run(parts: readonly (readonly Tensor[])[], call: BatchRun): Promise<readonly Tensor[]>;
}

export interface BatchRun {
  readonly rows: number;
  readonly timeoutMs: number;
  /** For handlers that ask other models. */
  readonly predictRows?: PredictRows;
}

/** A fault of the model, not of a row: smaller runs would fail as well. */
export class RowCountError extends ServeryError {}

/** Takes ownership of both. */
export function openBatchModel(version: LoadedVersion, runner: Runner, batchRows: number): BatchModel {
  const { model, signature, minRows, batchable } = version.descriptor;
  const isHandler = version.resolved.placement === 'handler threads';
  let isStuck = false;

  const run: BatchModel['run'] = async (parts, { rows, timeoutMs, predictRows }) => {
    const runRows = batchable ? Math.max(rows, minRows) : rows;
    const deadline = systemClock.now() + timeoutMs;
    const late = Promise.withResolvers<never>();
    using _timer = systemClock.after(timeoutMs, () => {
      // The thread of a handler is replaced; a run inside ONNX Runtime cannot be stopped.
      isStuck = !isHandler;
      const message = `Model ${model.name}/${model.version} has not answered a batch of ${rows} rows in ${timeoutMs} ms`;
      late.reject(
        new ServeryError('DEADLINE_EXCEEDED', message, { hint: 'Raise `batchTimeout`, or look at the model.' }),
      );
    });
    // Only handlers look at the deadline; it ends their thread.
    const call = { rows: runRows, ...(isHandler && { deadline }), ...(predictRows && { predictRows }) };
    const { outputs } = await Promise.race([runner.run(parts, call), late.promise]);
    if (!signature.batched) return outputs;
    const wrong = outputs.find(({ shape }) => shape[0] !== runRows);
    if (wrong !== undefined) {
      const message = `Model ${model.name}/${model.version} gave ${wrong.shape[0] ?? 'no'} rows for ${runRows}`;
      throw new RowCountError('MODEL_FAILED', message, {
        hint: 'An output must have a row for each row of the input.',
      });
    }
    return runRows === rows ? outputs : outputs.map((output) => sliceRows(output, 0, rows));
  };

  return {
    model,
    signature,
    batchRows: batchable && version.settles ? batchRows : 1,
    // One run computes, the next one waits in its queue.
    concurrency: isHandler ? runner.concurrency : 2,
    exampleRows: version.descriptor.exampleRows,
    mayAsk: isHandler,
    notes: version.resolved.notes,
    get isStuck() {
      return isStuck;
    },
    run,
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]();
      await version[Symbol.asyncDispose]();
    },
  };
}
