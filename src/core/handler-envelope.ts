/**
 * How the answer to one JSON body travels in a tensor.
 *
 * A handler with a route of its own takes and gives BYTES rows, so that batching, limits and deadlines are
 * those of any model. A body that its schema refuses must not fail the bodies beside it, so a refusal is
 * an answer too: each output element is one of these two, and the door that owns the route tells them apart.
 */
import { ServeryError } from './errors.ts';
import type { Signature } from './signature.ts';
import type { BytesElement, NamedTensor, Tensor } from './tensor.ts';

/** Where a body does not fit its schema, and why. */
export interface BodyIssue {
  /** Keys and positions from the outside in; empty for the body itself. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The kind of problem, as pydantic names it (`missing`, `greater_than` …), else zod; `json_invalid` for no JSON at all. */
  readonly code: string;
  /** Limits that `message` names. */
  readonly context?: Readonly<Record<string, string | number>>;
}

export type HandlerEnvelope =
  /** The answer as JSON text, ready to be sent. */
  { readonly ok: string } | { readonly invalid: readonly BodyIssue[] };

const OK = '{"ok":';

export function encodeEnvelope(envelope: HandlerEnvelope): string {
  return 'ok' in envelope ? `${OK}${envelope.ok}}` : JSON.stringify(envelope);
}

export function decodeEnvelope(element: BytesElement): HandlerEnvelope {
  const text = typeof element === 'string' ? element : new TextDecoder().decode(element);
  // Cut and not parsed: an answer is sent as it was written.
  if (text.startsWith(OK)) return { ok: text.slice(OK.length, -1) };
  return JSON.parse(text) as HandlerEnvelope;
}

/** Bodies as the one input of a handler with a route of its own. */
export function bodyInput({ inputs: [input] }: Signature, bodies: readonly BytesElement[]): readonly NamedTensor[] {
  return [{ name: input?.name ?? 'body', datatype: 'BYTES', shape: [bodies.length], data: bodies }];
}

/**
 * Its answers to them as JSON texts, for doors that have one way alone to say that a body was refused.
 *
 * @throws {ServeryError} `INVALID_INPUT` when one was
 */
export function readAnswers([output]: readonly Tensor[]): readonly string[] {
  return ((output?.data ?? []) as readonly BytesElement[]).map((element) => {
    const envelope = decodeEnvelope(element);
    if ('ok' in envelope) return envelope.ok;
    const problems = envelope.invalid.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
    throw new ServeryError('INVALID_INPUT', `Cannot use the body: ${problems.join('; ')}`);
  });
}
