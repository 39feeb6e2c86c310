/** What a person reads when a server starts: where it is, what is ready, and a line to paste. */
import type { ModelSummary } from '../models/control-api.ts';
import type { Server } from '../app/server.ts';

export function startedText({ http, grpc }: Server): string {
  const lines = [`Servery listens on ${http}`];
  if (grpc !== undefined) lines.push(`gRPC on ${grpc}`);
  return lines.join('\n');
}

export function readyText({ http, example }: Server, models: readonly ModelSummary[]): string {
  const ready = models.filter((model) => model.versions.some(({ live }) => live));
  const failed = models.filter((model) => !ready.includes(model) && !model.unloaded);
  const lines = [`Models ready: ${ready.map(({ name, defaultVersion }) => `${name}/${defaultVersion ?? '?'}`).join(', ') || 'none'}`];
  for (const { name, versions } of failed) {
    const reason = versions.map((version) => version.reason).find((text) => text !== '') ?? 'it has no version';
    lines.push(`Not ready: ${name}: ${reason}`);
  }
  if (example !== undefined) {
    const { model, row } = example();
    if (model !== undefined) lines.push('Try it:', `  ${curlLine(http, model, row)}`);
  }
  lines.push(`Documentation to try: ${http}/docs`);
  return lines.join('\n');
}

function curlLine(http: string, model: string, row: unknown): string {
  const body = JSON.stringify({ rows: [row] }).replaceAll("'", String.raw`'\''`);
  return `curl -s '${http}/models/${model}/predict?labels=true' -H 'content-type: application/json' -d '${body}'`;
}
