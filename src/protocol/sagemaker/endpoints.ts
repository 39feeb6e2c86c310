/**
 * Which model an endpoint means: by variant, by target model, or by weight.
 *
 * An endpoint that the configuration does not list is the model of its name; its aliases are its variants.
 */
import { ServeryError, quote } from '../../core/errors.ts';
import { isModelName, parseModelRef, type ModelRef } from '../../core/model.ts';
import type { SagemakerOptions } from './options.ts';

/** What Amazon's own tools call the only variant of an endpoint. */
const ONLY_VARIANT = 'AllTraffic';

export interface Wanted {
  readonly endpoint: string;
  readonly variant?: string | undefined;
  readonly targetModel?: string | undefined;
}

export interface Chosen {
  readonly model: ModelRef;
  readonly variant: string;
}

/**
 * @param share in [0, 1), decides between variants by weight
 * @throws {ServeryError} `MODEL_NOT_FOUND`
 */
export function chooseModel(options: SagemakerOptions, wanted: Wanted, share: number): Chosen {
  const { endpoint: name, variant, targetModel } = wanted;
  const endpoint = options.endpoints.find((candidate) => candidate.name === name);
  if (endpoint?.multiModel === true) return { model: targetOf(name, targetModel), variant: variant ?? ONLY_VARIANT };
  if (targetModel !== undefined) {
    throw notFound(`Endpoint ${quote(name)} is not a multi-model endpoint, and cannot be asked for a target model`);
  }
  if (endpoint === undefined || endpoint.variants.length === 0) {
    if (!isModelName(name)) throw endpointNotFound(name);
    if (variant === undefined || variant === ONLY_VARIANT) return { model: { name }, variant: ONLY_VARIANT };
    if (!isModelName(variant)) throw variantNotFound(name, variant);
    return { model: { name, alias: variant }, variant };
  }
  const found =
    variant === undefined
      ? byWeight(endpoint.variants, share)
      : endpoint.variants.find((candidate) => candidate.name === variant);
  if (found === undefined) throw variantNotFound(name, variant ?? '');
  return { model: parseModelRef(found.model), variant: found.name };
}

/** `iris.tar.gz` or `iris` → the model of that name. */
function targetOf(endpoint: string, target: string | undefined): ModelRef {
  if (target === undefined) {
    throw notFound(`Endpoint ${quote(endpoint)} is a multi-model endpoint: TargetModel is missing`);
  }
  const name = target.replace(/^\/+/, '').replace(/\.tar\.gz$/, '');
  if (isModelName(name)) return { name };
  throw notFound(`Failed to find target model ${quote(target)}`);
}

function byWeight<T extends { readonly weight: number }>(variants: readonly T[], share: number): T | undefined {
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  let left = share * total;
  for (const variant of variants) {
    if (variant.weight === 0) continue;
    if (left < variant.weight) return variant;
    left -= variant.weight;
  }
  return variants.findLast(({ weight }) => weight > 0);
}

export function endpointNotFound(name: string): ServeryError {
  return notFound(`Endpoint ${quote(name)} not found`);
}

export function variantNotFound(endpoint: string, variant: string): ServeryError {
  return notFound(`Variant ${quote(variant)} not found for endpoint ${quote(endpoint)}`);
}

function notFound(problem: string): ServeryError {
  return new ServeryError('MODEL_NOT_FOUND', problem, {
    hint: 'An endpoint is the name of a model, or one of `protocols.sagemaker.endpoints`.',
  });
}
