/**
 * The ratios of docs/migrate.md, taken out of the arena's table in docs/performance.md.
 *
 * Nobody copies figures by hand: after a new arena `npm run docs` prints these anew, and a test compares.
 */
const BEGIN = '<!-- ratios: printed from performance.md -->';
const END = '<!-- /ratios -->';
const NONE = 'not measured';

const ONLINE = ['FastAPI', 'FastAPI, hand-tuned', 'Flask + gunicorn', 'BentoML', 'MLflow'];
const BATCH = ['a loop in Python', 'MLflow predict'];
const ONLINE_CASES = {
  'requests per second, 32 connections': 'iris, JSON, 32 connections: requests/s',
  'time of a lone request': 'iris, JSON, 1 connection: p50 ms',
  'start to the first prediction': 'iris, start to the first prediction: s',
  'memory after a load': 'iris, memory after a load: MB',
};
const BATCH_CASES = {
  'rows per second': 'breast-cancer, batch, 2,000,000 rows: rows/s',
  'peak memory': 'breast-cancer, batch, 2,000,000 rows: peak MB',
};

/** The page with the ratios that the other page has. */
export function withRatios(page: string, performance: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`The page has no place for the ratios: ${BEGIN} … ${END}`);
  const [facts] = /^`npm run bench -- arena.*$/m.exec(performance) ?? [];
  if (facts === undefined) throw new Error('docs/performance.md has no table of an arena');
  const ratios = ratiosOf(performance);
  const text = [facts, tableOf(ONLINE, ONLINE_CASES, ratios), tableOf(BATCH, BATCH_CASES, ratios)].join('\n\n');
  return `${page.slice(0, from)}${BEGIN}\n\n${text}\n\n${page.slice(to)}`;
}

/** By case and contender, as the table prints them. */
function ratiosOf(performance: string): ReadonlyMap<string, string> {
  const rows = performance.matchAll(/^\| ([^|]+) \| ([^|]+) \| [^|]+ \| [^|]+ \| ([\d.]+) \(/gm);
  return new Map(Array.from(rows, ([, name, against, ratio]) => [`${name} | ${against}`, ratio!]));
}

function tableOf(
  contenders: readonly string[],
  cases: Readonly<Record<string, string>>,
  ratios: ReadonlyMap<string, string>,
): string {
  const rows = contenders.map((against) => {
    const cells = Object.values(cases).map((name) => ratios.get(`${name} | ${against}`) ?? NONE);
    return `| ${[against, ...cells].join(' | ')} |`;
  });
  const titles = Object.keys(cases);
  return [`| Servery beside | ${titles.join(' | ')} |`, `|---|${'---:|'.repeat(titles.length)}`, ...rows].join('\n');
}
