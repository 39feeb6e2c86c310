/** Puts what zod found wrong with a file of options into words: where, what was expected, what may have been meant. */
import * as z from 'zod';

/** One line for each problem, beginning with the path of the option. */
export function describeIssues(error: z.ZodError, schema: z.ZodObject): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [`${formatPath(issue.path)}: ${issue.message}`];
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const meant = closest(key, known);
      const hint = meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${meant}?`;
      return `${formatPath([...issue.path, key])}: there is no such option, ${hint}`;
    });
  });
}

/** The keys that an object may have at a path of the schema. */
function keysAt(schema: z.ZodObject, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = schema;
  for (const key of path) {
    const type = unwrap(at);
    if (type instanceof z.ZodObject) at = (type.shape as Record<string, unknown>)[String(key)];
    else if (type instanceof z.ZodRecord) at = type.valueType;
    else return [];
  }
  const type = unwrap(at);
  return type instanceof z.ZodObject ? Object.keys(type.shape) : [];
}

function unwrap(type: unknown): unknown {
  let inner = type;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap();
  }
  return inner;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.map(String).join('.') || 'the file';
}

/** The known key that is a few slips away from `key`, if there is one. */
function closest(key: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, slips: editDistance(key.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.slips - b.slips);
  const [best] = ranked;
  return best !== undefined && best.slips <= Math.max(2, key.length / 3) ? best.candidate : undefined;
}

/** Letters to add, remove or replace to turn one word into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (letter === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
