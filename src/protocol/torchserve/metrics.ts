/** `GET /metrics?name[]=X`: of a text in the Prometheus format, the metrics that are named, as TorchServe prints them. */

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

/**
 * As its own writer (Prometheus' for Java) prints samples: a comma after each label, and whole numbers with `.0`. Both
 * are the same to Prometheus; others look for them by patterns.
 */
export function asItsWriter(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line.startsWith('#') ? line : line.replace(/"\} (?=[^"]*$)/, '",} ').replace(/ (-?[0-9]+)$/, ' $1.0'),
    )
    .join('\n');
}
