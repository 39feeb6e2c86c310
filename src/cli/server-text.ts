/** What a person reads when a server starts: where it is, what is ready, and a line to paste. */
import type { Server } from '../app/server.ts';
import type { ModelDetails } from '../models/control-api.ts';

export function startedText({ http, grpc, protocols }: Server): string {
  const lines = [`Servery listens on ${http}`];
  if (grpc !== undefined) lines.push(`gRPC on ${grpc}`);
  for (const { protocol, option, address } of protocols) {
    lines.push(`protocols.${protocol} on ${option === 'grpc' ? 'grpc' : 'http'}://${address}`);
  }
  return lines.join('\n');
}

export function readyText({ http }: Server, models: readonly ModelDetails[]): string {
  const ready = models.filter((model) => model.versions.some(({ live }) => live));
  const names = ready.map(({ name, defaultVersion }) => `${name}/${defaultVersion ?? '?'}`);
  const lines = [`Models ready: ${names.join(', ') || 'none'}`];
  for (const { name, versions, unloaded } of models.filter((model) => !ready.includes(model))) {
    const reason = versions.map((version) => version.reason).find((text) => text !== '') ?? 'it has no version';
    lines.push(`Not ready: ${name}: ${unloaded ? 'unloaded by request' : reason}`);
  }
  const example = ready.map(exampleOf).find((found) => found !== undefined);
  if (example !== undefined) lines.push('Try it:', `  ${curlLine(http, example)}`);
  lines.push(`Documentation to try: ${http}/docs`);
  return lines.join('\n');
}

interface Example {
  readonly model: string;
  readonly row: unknown;
}

/** A short one: a line that is pasted should fit a terminal. */
function exampleOf({ name, defaultVersion, resolved }: ModelDetails): Example | undefined {
  const version = resolved.find((candidate) => candidate.version === defaultVersion);
  const row = version?.exampleRows[0];
  return row === undefined || Object.keys(row).length > 8 ? undefined : { model: name, row };
}

function curlLine(http: string, { model, row }: Example): string {
  const body = JSON.stringify({ rows: [row] }).replaceAll("'", String.raw`'\''`);
  return `curl -s '${http}/models/${model}/predict?labels=true' -H 'content-type: application/json' -d '${body}'`;
}
