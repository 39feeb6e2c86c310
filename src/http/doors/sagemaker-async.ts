/** InvokeEndpointAsync: the request is stored, and sent to the endpoint later, as an invocation like any other. */
import { randomUUID } from 'node:crypto';
import { ServeryError } from '../../core/errors.ts';
import type { Chosen } from '../../protocol/sagemaker/endpoints.ts';
import type { HttpDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { textHeader } from './sagemaker-invoke.ts';

/** As Amazon has it. Larger bodies come from a file. */
const LARGEST_BODY_BYTES = 128_000;
const SECOND_MS = 1000;

export function acceptor({ models, requests, protocols }: HttpDeps) {
  return async (exchange: Exchange, { model }: Chosen): Promise<void> => {
    if (!protocols.sagemaker.enabled) {
      const problem =
        'Asynchronous invocations come back on the shared port, and `protocols.sagemaker.enabled` is false.';
      throw new ServeryError('UNSUPPORTED', problem);
    }
    if (requests === undefined) {
      throw new ServeryError('UNSUPPORTED', 'Asynchronous invocations need jobs, and this server serves models only.', {
        hint: 'Start the workspace with `servery up`.',
      });
    }
    refuseNames(exchange);
    // While the server starts nobody knows, and the request waits for its model anyway.
    if (models.snapshot.complete) models.entry(model.name);
    const id = randomUUID();
    const inferenceId = textHeader(exchange, 'inference-id') ?? id;
    const { output, failure } = await requests.storeRequest({
      id,
      path: `/endpoints/${encodeURIComponent(exchange.param('endpoint'))}/invocations`,
      headers: headersOf(exchange),
      body: bodyOf(exchange),
      ttlMs: seconds(exchange, 'RequestTTLSeconds', { min: 60, max: 21_600, usual: 21_600 }) * SECOND_MS,
      timeoutMs: seconds(exchange, 'InvocationTimeoutSeconds', { min: 1, max: 3600, usual: 900 }) * SECOND_MS,
    });
    exchange.send(202, 'application/json', JSON.stringify({ InferenceId: inferenceId }), [
      'x-amzn-sagemaker-outputlocation',
      output,
      'x-amzn-sagemaker-failurelocation',
      failure,
    ]);
  };
}

/** A client that may choose names can overwrite what is another's. */
function refuseNames(exchange: Exchange): void {
  for (const member of ['S3OutputPathExtension', 'Filename']) {
    if (textHeader(exchange, member.toLowerCase()) === undefined) continue;
    throw new ServeryError('INVALID_REQUEST', `${member} is not available: the server names its outputs itself.`);
  }
}

function bodyOf(exchange: Exchange): string | Uint8Array {
  const { body } = exchange;
  const location = textHeader(exchange, 'inputlocation');
  if ((location === undefined) === (body.length === 0)) {
    throw new ServeryError('INVALID_REQUEST', 'Exactly one of Body and InputLocation is needed.');
  }
  if (location !== undefined) return location;
  if (body.length <= LARGEST_BODY_BYTES) return new Uint8Array(body);
  const problem = `Body has ${body.length} bytes, ${LARGEST_BODY_BYTES} are allowed: use InputLocation.`;
  throw new ServeryError('INVALID_REQUEST', problem);
}

function headersOf(exchange: Exchange): Record<string, string> {
  const accept = textHeader(exchange, 'accept');
  const passedOn = ['custom-attributes', 'inference-id'].flatMap((name) => {
    const value = textHeader(exchange, name);
    return value === undefined ? [] : [[`x-amzn-sagemaker-${name}`, value] as const];
  });
  return {
    // Without one it is told by the first bytes.
    'content-type': textHeader(exchange, 'content-type') ?? 'application/octet-stream',
    ...(accept !== undefined && { accept }),
    ...Object.fromEntries(passedOn),
  };
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly usual: number;
}

function seconds(exchange: Exchange, member: string, { min, max, usual }: Range): number {
  const text = textHeader(exchange, member.toLowerCase());
  if (text === undefined) return usual;
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new ServeryError('INVALID_REQUEST', `${member} must be a whole number from ${min} to ${max}.`);
}
