/** Decides whether a new version may take the place of the one before. Pure: the figures are arguments. */
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { GateOptions } from './options.ts';

export type Metrics = Readonly<Record<string, unknown>>;

/** How both versions did on rows that neither was trained on. */
export interface HeldOutFigures {
  readonly rows: number;
  /** Rows that the two versions answer differently; undefined without a version before. */
  readonly changed: number | undefined;
  /** Right answers; undefined without `target`. */
  readonly right: number | undefined;
  readonly rightBefore: number | undefined;
}

export interface Evidence {
  readonly signature: Signature;
  readonly metrics: Metrics | undefined;
  /** Undefined for the first version of a model. */
  readonly before: { readonly signature: Signature; readonly metrics: Metrics | undefined } | undefined;
  readonly heldOut: HeldOutFigures | undefined;
}

export interface Verdict {
  /** Why it is refused, a line each; nothing when it passes. */
  readonly refusals: readonly string[];
  /** What was compared, a line each. */
  readonly notes: readonly string[];
}

export function judge(gate: GateOptions, evidence: Evidence): Verdict {
  const refusals: string[] = [];
  const notes: string[] = [];
  compareSignatures(gate, evidence, refusals);
  compareMetric(gate, evidence, refusals, notes);
  compareHeldOut(gate, evidence, refusals, notes);
  return { refusals, notes };
}

function compareSignatures(gate: GateOptions, { signature, before }: Evidence, refusals: string[]): void {
  if (before === undefined || gate.allowOtherSignature) return;
  for (const side of ['inputs', 'outputs'] as const) {
    const now = signature[side].map(describe).join(', ');
    const then = before.signature[side].map(describe).join(', ');
    if (now !== then) refusals.push(`its ${side} are ${now}, those of the version before are ${then}`);
  }
}

function compareMetric(gate: GateOptions, { metrics, before }: Evidence, refusals: string[], notes: string[]): void {
  const { metric, higherIsBetter, minimum, notWorseBy } = gate;
  if (metric === undefined) return;
  const now = numberOf(metrics, metric);
  if (now === undefined) {
    refusals.push(`metrics.json has no number ${metric}`);
    return;
  }
  notes.push(`${metric} is ${now}`);
  const better = higherIsBetter ? 1 : -1;
  if (minimum !== undefined && (now - minimum) * better < 0) {
    refusals.push(`${metric} is ${now}, expected at ${higherIsBetter ? 'least' : 'most'} ${minimum}`);
  }
  if (notWorseBy === undefined) return;
  const then = numberOf(before?.metrics, metric);
  if (then === undefined) {
    notes.push(`no version before has a number ${metric} to compare with`);
    return;
  }
  notes.push(`${metric} of the version before is ${then}`);
  const worse = (then - now) * better;
  if (isMore(worse, notWorseBy)) {
    refusals.push(`${metric} is ${now}, worse than the ${then} of the version before by more than ${notWorseBy}`);
  }
}

function compareHeldOut(gate: GateOptions, { heldOut }: Evidence, refusals: string[], notes: string[]): void {
  const rules = gate.heldOut;
  if (rules === undefined || heldOut === undefined) return;
  const { rows, changed, right, rightBefore } = heldOut;
  if (rows === 0) {
    refusals.push(`the held-out file has no rows`);
    return;
  }
  if (changed !== undefined) {
    notes.push(`${changed} of ${rows} held-out rows are answered differently`);
    if (rules.maxChangedRate !== undefined && isMore(changed / rows, rules.maxChangedRate)) {
      refusals.push(
        `${changed} of ${rows} held-out rows are answered differently, expected at most ${rules.maxChangedRate} of them`,
      );
    }
  }
  if (right === undefined) return;
  notes.push(`${right} of ${rows} held-out rows are answered rightly`);
  if (rules.minimumAccuracy !== undefined && right / rows < rules.minimumAccuracy) {
    refusals.push(
      `${right} of ${rows} held-out rows are answered rightly, expected at least ${rules.minimumAccuracy} of them`,
    );
  }
  if (rules.notWorseBy === undefined || rightBefore === undefined) return;
  notes.push(`the version before answers ${rightBefore} of them rightly`);
  if (isMore((rightBefore - right) / rows, rules.notWorseBy)) {
    refusals.push(
      `${right} of ${rows} held-out rows are answered rightly, ${rightBefore} by the version before: worse by more than ${rules.notWorseBy}`,
    );
  }
}

/** 0.9 - 0.89 is a little more than 0.01 in floating point; nobody means that. */
function isMore(difference: number, allowed: number): boolean {
  return difference > allowed + 1e-9;
}

function numberOf(metrics: Metrics | undefined, name: string): number | undefined {
  const value = metrics?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function describe({ name, datatype, shape }: TensorSpec): string {
  return `${name} ${datatype}[${shape.map((size) => size ?? '*').join(', ')}]`;
}
