/** What every form of a body is read with: the model that is asked, its schema, and how values are brought to it. */
import type { DeclaredValues } from '../../core/model.ts';
import type { Signature, TensorSpec } from '../../core/signature.ts';
import type { NestLimits } from '../instances.ts';
import type { DecodeLimits } from '../json.ts';
import { coercionFor, type Coercion, type ScoringProfile } from './coercion.ts';
import { schemaOf, type Schema } from './schema.ts';

/** The model that is asked, and how. */
export interface ScoringTarget {
  readonly signature: Signature;
  readonly declared?: DeclaredValues | undefined;
  readonly profile: ScoringProfile;
}

export interface Reader extends NestLimits {
  readonly signature: Signature;
  readonly declared: DeclaredValues | undefined;
  readonly schema: Schema;
  readonly coercion: Coercion;
  /** Values are converted as MLflow does it. */
  readonly isLax: boolean;
}

export function readerFor({ signature, declared, profile }: ScoringTarget, limits: DecodeLimits, size: number): Reader {
  const schema = schemaOf(signature, declared);
  const coercion = coercionFor(schema, profile);
  const mostElements = Math.min(size, limits.maxElements);
  const isLax = profile === 'mlflow-compat';
  return { signature, declared, schema, coercion, isLax, limits, floats: coercion.floats, mostElements };
}

/** The input of a model without named columns: a frame is the tensor of its values. */
export function bareInput({
  signature: {
    inputs: [only, another],
  },
  schema,
}: Reader): TensorSpec | undefined {
  if (schema.declared === 'columns' && schema.columns.some(({ name }) => name !== undefined)) return undefined;
  const isBare = another === undefined && only?.features === undefined && only?.shape.length === 2;
  return isBare ? only : undefined;
}
