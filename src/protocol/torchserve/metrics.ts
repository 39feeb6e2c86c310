/** `GET /metrics?name[]=X`: of a text in the Prometheus format, the metrics that are named. */

/** @param names of metrics, or of single series of a histogram */
export function onlyMetrics(text: string, names: ReadonlySet<string>): string {
  const kept: string[] = [];
  let isFamilyWanted = false;
  for (const line of text.split('\n')) {
    const [, family] = /^# (?:HELP|TYPE) (\S+)/.exec(line) ?? [];
    if (family !== undefined) isFamilyWanted = names.has(family);
    const [series = ''] = line.split(/[{ ]/, 1);
    if (line !== '' && (isFamilyWanted || names.has(series))) kept.push(`${line}\n`);
  }
  return kept.join('');
}
