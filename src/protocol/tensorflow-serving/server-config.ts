/** What TensorFlow Serving's configuration files say, and what of it has no place here. */
import { ServeryError, quote } from '../../core/errors.ts';
import { isModelName } from '../../core/model.ts';
import { parseTextFormat, type TextMessage } from './text-format.ts';

export interface ImportedModel {
  readonly name: string;
  readonly basePath: string;
  readonly versions: 'all' | { readonly latest: number } | readonly number[];
  readonly labels: Readonly<Record<string, number>>;
}

export interface ImportedBatching {
  readonly maxRows?: number;
  readonly maxQueuedRows?: number;
}

/** Each with lines about what could not be kept. */
export interface Imported<Value> {
  readonly value: Value;
  readonly notes: readonly string[];
}

/** @throws {ServeryError} `CONFIG_INVALID` */
export function readModelConfig(text: string): Imported<readonly ImportedModel[]> {
  const file = parseTextFormat(text, 'model_config_file');
  const notes: string[] = [];
  if (file.has('custom_model_config')) notes.push('custom_model_config: it has no meaning here');
  const configs = messages(file, 'model_config_list').flatMap((list) => messages(list, 'config'));
  if (configs.length === 0) throw invalid('model_config_file', 'it has no model_config_list with models');
  const models = configs.map((config) => {
    const name = scalar(config, 'name') ?? '';
    if (!isModelName(name)) throw invalid('model_config_file', `${quote(name)} cannot be the name of a model here`);
    const platform = scalar(config, 'model_platform') ?? 'tensorflow';
    if (platform !== 'tensorflow') notes.push(`${name}: model_platform ${quote(platform)} is not known`);
    if (config.has('logging_config')) {
      notes.push(`${name}: logging_config, requests are not logged with their payloads`);
    }
    return {
      name,
      basePath: scalar(config, 'base_path') ?? '',
      versions: versionsOf(config),
      labels: labelsOf(config),
    };
  });
  const names = new Set(models.map(({ name }) => name));
  if (names.size !== models.length) throw invalid('model_config_file', 'a model is listed twice');
  return { value: models, notes };
}

function versionsOf(config: TextMessage): ImportedModel['versions'] {
  const [policy] = messages(config, 'model_version_policy');
  if (policy === undefined) return { latest: 1 };
  if (policy.has('all')) return 'all';
  const specific = messages(policy, 'specific').flatMap((one) => one.get('versions') ?? []);
  if (specific.length > 0) return specific.map((text) => positive(text, 'model_config_file', 'a version'));
  const [latest] = messages(policy, 'latest');
  const count = latest === undefined ? undefined : scalar(latest, 'num_versions');
  return { latest: count === undefined ? 1 : positive(count, 'model_config_file', 'num_versions') };
}

function labelsOf(config: TextMessage): Readonly<Record<string, number>> {
  const entries = messages(config, 'version_labels').map((entry): [string, number] => {
    const label = scalar(entry, 'key') ?? '';
    if (!isModelName(label)) throw invalid('model_config_file', `the label ${quote(label)} cannot be an alias`);
    return [label, positive(scalar(entry, 'value') ?? '', 'model_config_file', 'a version')];
  });
  return Object.fromEntries(entries);
}

const OTHER_BATCHING: Readonly<Record<string, string>> = {
  batch_timeout_micros: 'a batch never waits for more rows',
  num_batch_threads: 'models run in executors; see `runtime` and `executors`',
  allowed_batch_sizes: 'batches are padded only where answers would differ',
  pad_variable_length_inputs: 'only requests of one shape share a batch',
  thread_pool_name: 'it has no meaning here',
  max_execution_batch_size: 'batches are never split',
  enable_large_batch_splitting: 'a request larger than a batch is always split',
};

/** @throws {ServeryError} `CONFIG_INVALID` */
export function readBatchingParameters(text: string): Imported<ImportedBatching> {
  const what = 'batching_parameters_file';
  const file = parseTextFormat(text, what);
  const valueOf = (name: string): number | undefined => {
    const [field] = messages(file, name);
    const value = field === undefined ? scalar(file, name) : scalar(field, 'value');
    return value === undefined ? undefined : whole(value, what, name);
  };
  const maxRows = valueOf('max_batch_size');
  const batches = valueOf('max_enqueued_batches');
  const notes = [...file.keys()]
    .filter((name) => Object.hasOwn(OTHER_BATCHING, name))
    .map((name) => `${name}: ${OTHER_BATCHING[name]}`);
  const value = {
    ...(maxRows !== undefined && { maxRows }),
    ...(batches !== undefined && { maxQueuedRows: batches * (maxRows ?? 1000) }),
  };
  return { value, notes };
}

/** @returns lines about what differs; metrics are always there */
export function readMonitoringConfig(text: string): readonly string[] {
  const [prometheus] = messages(parseTextFormat(text, 'monitoring_config_file'), 'prometheus_config');
  if (prometheus === undefined || scalar(prometheus, 'enable') !== 'true') {
    return ['monitoring: Prometheus was off; here /metrics always answers'];
  }
  const path = scalar(prometheus, 'path') ?? '/monitoring/prometheus/metrics';
  if (path === '/metrics' || path === '/monitoring/prometheus/metrics') return [];
  return [`monitoring: metrics are at /metrics and /monitoring/prometheus/metrics, not at ${path}`];
}

function messages(message: TextMessage, name: string): readonly TextMessage[] {
  return (message.get(name) ?? []).filter((value) => typeof value !== 'string');
}

function scalar(message: TextMessage, name: string): string | undefined {
  const value = message.get(name)?.at(-1);
  return typeof value === 'string' ? value : undefined;
}

function whole(value: string | TextMessage, what: string, name: string): number {
  if (typeof value === 'string' && /^[0-9]{1,15}$/.test(value)) return Number(value);
  throw invalid(what, `${name} is not a whole number`);
}

function positive(value: string | TextMessage, what: string, name: string): number {
  const number = whole(value, what, name);
  if (number > 0) return number;
  throw invalid(what, `${name} is 0, expected a positive integer`);
}

function invalid(what: string, problem: string): ServeryError {
  return new ServeryError('CONFIG_INVALID', `Cannot import the ${what}: ${problem}`);
}
