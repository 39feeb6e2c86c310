/** Opens the files of a version: a session, and everything that is known of the model without a request. */
import { quote } from '../../core/errors.ts';
import type { Signature } from '../../core/signature.ts';
import type { ModelFacts } from '../runtime.ts';
import { readArtifact, type OnnxArtifact } from './artifact.ts';
import { openSession, type NativeSession, type SessionOptions } from './binding.ts';
import { loadFailed } from './failures.ts';
import type { OpenedModel } from './messages.ts';
import type { OnnxGraph, OnnxModel, OnnxNode } from './model-proto.ts';
import { findCoupling } from './row-coupling.ts';
import { createSessionRun } from './session-run.ts';
import { datatypeOf } from './datatypes.ts';
import { readSignature, type Trial } from './signature.ts';

export interface OpenModel extends OpenedModel {
  readonly session: NativeSession;
  /** Bytes of the artifact. */
  readonly size: number;
}

/** Every front end keeps a copy of an inline model's weights; a larger model is hardly quick enough anyway. */
const LARGEST_INLINE = 8 * 1024 * 1024;

/** @throws {ServeryError} `MODEL_INVALID`, `RUNTIME_MISSING` */
export function readModel(folder: string, file: string, options: SessionOptions): OpenModel {
  const artifact = readArtifact(folder, file);
  const { bytes, model, externalData } = artifact;
  let session: NativeSession;
  try {
    session = openSession(bytes, externalData.length > 0 ? { ...options, externalData } : options);
  } catch (error) {
    throw loadFailed(error);
  }
  try {
    const { signature, notes } = readSignature(model, createTrial(session, model));
    const facts = readFacts(artifact, signature, notes);
    const size = externalData.reduce((sum, { data }) => sum + data.length, bytes.length);
    return { session, signature, facts, size, bytes: facts.canInline ? share(bytes) : undefined };
  } catch (error) {
    session.dispose();
    throw error;
  }
}

function createTrial(session: NativeSession, { graph }: OnnxModel): Trial {
  const named = (values: OnnxGraph['inputs']) =>
    values.map(({ name, type }) => ({
      name,
      datatype: (type.kind === 'tensor' && datatypeOf(type.elementType)) || 'FP32',
    }));
  const inputs = named(graph.inputs.filter(({ name }) => !graph.initializers.has(name)));
  const run = createSessionRun(session, { inputs, outputs: named(graph.outputs) });
  return (tensors) => {
    try {
      return run(tensors).outputs.map(({ shape }) => shape);
    } catch {
      return undefined;
    }
  };
}

function readFacts(
  { bytes, model, externalData, notes }: OnnxArtifact,
  signature: Signature,
  more: readonly string[],
): ModelFacts {
  const { graph, opsets } = model;
  const lines = [made(model), ...notes, ...more];
  let rowsAreIndependent = true;
  if (signature.batched) {
    const coupling = findCoupling(
      graph,
      opsets,
      new Map(signature.inputs.map(({ name, shape }) => [name, shape.length])),
    );
    rowsAreIndependent = coupling.verdict !== 'coupled';
    if (coupling.verdict === 'coupled') {
      lines.push(`rows influence each other: ${coupling.by} works along the axis that counts them`);
    } else if (coupling.verdict === 'open') {
      lines.push('rows: the graph does not tell whether they influence each other, so the probe decides');
    }
  }
  const hindrance = whyNotInline(model, signature, bytes.length, externalData.length > 0);
  if (hindrance !== undefined) lines.push(`not inline: ${hindrance}`);
  return { platform: 'onnxruntime_onnx', rowsAreIndependent, canInline: hindrance === undefined, notes: lines };
}

function made({ producer, opsets }: OnnxModel): string {
  const sets = [...opsets].map(([domain, version]) => `${domain || 'ai.onnx'} ${version}`).join(', ');
  const by = /^[\w.\- ]{1,64}$/.test(producer) ? `by ${producer}, ` : '';
  return `ONNX ${by}operator sets ${sets || 'unknown'}`;
}

/** A run on a front-end thread must have a cost that no request can raise. */
function whyNotInline(
  { graph, functions }: OnnxModel,
  { inputs, outputs, batched }: Signature,
  size: number,
  hasExternalData: boolean,
): string | undefined {
  for (const { name, shape } of [...inputs, ...outputs]) {
    if (shape.slice(batched ? 1 : 0).includes(null)) return `${quote(name)} has an axis of any size besides the rows`;
  }
  if (inputs.some(({ datatype }) => datatype === 'BYTES')) return 'texts have any length';
  const loop = [graph.nodes, ...functions.values()].map(findUnbounded).find((found) => found !== undefined);
  if (loop !== undefined) return `the graph has a ${loop} node`;
  if (hasExternalData || size > LARGEST_INLINE) return 'it is too large to be kept by every front end';
  return undefined;
}

function findUnbounded(nodes: readonly OnnxNode[]): string | undefined {
  for (const { opType, attributes } of nodes) {
    if (opType === 'Loop' || opType === 'Scan' || opType === 'If') return opType;
    for (const { graphs } of attributes.values()) {
      for (const graph of graphs) {
        const found = findUnbounded(graph.nodes);
        if (found !== undefined) return found;
      }
    }
  }
  return undefined;
}

function share(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
