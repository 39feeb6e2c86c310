/**
 * The picture of the arena: a panel for each case, a bar for each contender.
 *
 * Bars show what the table's ratios say, Servery being 1, and not the figures themselves: those were measured at
 * different times, and a machine drifts.
 */
import type { BenchResult } from '../results.ts';
import { median, type Line } from '../table.ts';

interface Panel {
  readonly title: string;
  /** How the case of its lines ends. */
  readonly case: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

const PANELS: readonly Panel[] = [
  { title: 'iris, JSON, 32 connections', case: 'iris, JSON, 32 connections: requests/s', unit: '/s', better: 'more' },
  { title: 'iris, JSON, 1 connection, p50', case: 'iris, JSON, 1 connection: p50 ms', unit: ' ms', better: 'less' },
  {
    title: 'iris, JSON, 256 connections',
    case: 'iris, JSON, 256 connections: requests/s',
    unit: '/s',
    better: 'more',
  },
  {
    title: '100 trees, JSON, 32 connections',
    case: 'breast-cancer, JSON, 32 connections: requests/s',
    unit: '/s',
    better: 'more',
  },
  {
    title: '5 million weights, JSON, 32 connections',
    case: 'mlp, JSON, 32 connections: requests/s',
    unit: '/s',
    better: 'more',
  },
  { title: 'iris, gRPC, 32 calls at once', case: 'iris, gRPC, 32 calls: requests/s', unit: '/s', better: 'more' },
  {
    title: '100 trees, 2 million rows in batch',
    case: 'breast-cancer, batch, 2,000,000 rows: rows/s',
    unit: ' rows/s',
    better: 'more',
  },
  {
    title: 'small network, 2 million rows in batch',
    case: '30-64-1, batch, 2,000,000 rows: rows/s',
    unit: ' rows/s',
    better: 'more',
  },
  {
    title: 'start to the first prediction',
    case: 'iris, start to the first prediction: s',
    unit: ' s',
    better: 'less',
  },
  { title: 'memory after a load', case: 'iris, memory after a load: MB', unit: ' MB', better: 'less' },
];

const WIDTH = 900;
const COLUMN = WIDTH / 2;
const BAR = 16;
const LABELS = 150;
const FIGURES = 128;

interface Bar {
  readonly name: string;
  /** To Servery's. */
  readonly share: number;
  readonly label: string;
}

export function drawArena(lines: readonly Line[], { at, machine }: Pick<BenchResult, 'at' | 'machine'>): string {
  const panels = PANELS.map((panel) => ({ ...panel, bars: barsOf(panel, lines) })).filter(
    ({ bars }) => bars.length > 1,
  );
  const parts: string[] = [];
  // Each panel goes below the column that is shorter.
  const bottoms = [64, 64];
  for (const panel of panels) {
    const column = bottoms[0]! <= bottoms[1]! ? 0 : 1;
    parts.push(drawPanel(panel, column * COLUMN, bottoms[column]!));
    bottoms[column]! += 44 + panel.bars.length * (BAR + 4);
  }
  const height = Math.max(...bottoms);
  const facts = `${String(machine['cpu'])}, ${String(machine['cores'])} cores, ${at.slice(0, 10)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Servery beside the alternatives">
<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 13px; font-weight: 600 }
  .head { font-size: 17px; font-weight: 600 }
  .quiet { fill: #656d76 }
  .ours { fill: #0969da }
  .theirs { fill: #afb8c1 }
  .floor { fill: #e1e4e8 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #8d96a0 }
    .ours { fill: #4493f8 }
    .theirs { fill: #57606a }
    .floor { fill: #30363d }
  }
</style>
<text class="head" x="12" y="26">Servery beside the alternatives</text>
<text class="quiet" x="12" y="46">Same model files, same load, one run by turns: ${escape(facts)}. × says how many times better Servery is; pale bars are floors.</text>
${parts.join('\n')}
</svg>
`;
}

function barsOf(panel: Panel, lines: readonly Line[]): readonly Bar[] {
  const own = lines.filter((line) => line.case === panel.case);
  if (own.length === 0) return [];
  const ours = {
    name: 'Servery',
    share: 1,
    label: `${figureText(median(own.map(({ servery }) => servery)))}${panel.unit}`,
  };
  const theirs = own.map(({ against, ratio, theirs: figure }) => ({
    name: against,
    share: 1 / ratio,
    label: `${figureText(figure)}${panel.unit}  ${timesText(panel.better === 'more' ? ratio : 1 / ratio)}`,
  }));
  return [ours, ...theirs].sort((a, b) => (panel.better === 'more' ? b.share - a.share : a.share - b.share));
}

/** How many times better Servery is. */
function timesText(times: number): string {
  return `${times.toFixed(times < 10 ? 1 : 0)}×`;
}

function drawPanel({ title, better, bars }: Panel & { readonly bars: readonly Bar[] }, x: number, y: number): string {
  const longest = Math.max(...bars.map(({ share }) => share));
  const room = COLUMN - LABELS - FIGURES - 24;
  const rows = bars.map(({ name, share, label }, i) => {
    const top = y + 28 + i * (BAR + 4);
    const length = Math.max(1, (share / longest) * room);
    const from = x + LABELS;
    return [
      `<text x="${from - 8}" y="${top + 12}" text-anchor="end">${escape(name)}</text>`,
      `<rect class="${kindOf(name)}" x="${from}" y="${top}" width="${length.toFixed(1)}" height="${BAR}" rx="2"/>`,
      `<text class="quiet" x="${(from + length + 6).toFixed(1)}" y="${top + 12}" xml:space="preserve">${escape(label)}</text>`,
    ].join('\n');
  });
  const hint = better === 'more' ? 'more is better' : 'less is better';
  return [
    `<text class="title" x="${x + 12}" y="${y + 16}">${escape(title)} <tspan class="quiet" font-weight="400">(${hint})</tspan></text>`,
    ...rows,
  ].join('\n');
}

/** What is no server: it says how far anybody could get. */
function kindOf(name: string): 'ours' | 'theirs' | 'floor' {
  if (name === 'Servery') return 'ours';
  return name.endsWith('echo') || name.startsWith('node:http') || name === 'a loop in Node.js' ? 'floor' : 'theirs';
}

function figureText(value: number): string {
  if (value >= 10) return Math.round(value).toLocaleString('en');
  return value.toFixed(value < 1 ? 2 : 1);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
