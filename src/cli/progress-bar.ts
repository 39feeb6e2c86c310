/** The progress of long work, on standard error and only where somebody looks at it. */
import { Presets, SingleBar } from 'cli-progress';

export interface ProgressBar {
  update(progress: { readonly rows: number; readonly badRows: number; readonly totalRows: number }): void;
  stop(): void;
}

/** @param isWanted false with `--json` */
export function createProgressBar(isWanted: boolean): ProgressBar {
  if (!isWanted || !process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const format = '{bar} {percentage}% | {value}/{total} rows | {rate} rows/s | {bad} bad | {left} left';
  const bar = new SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  let began = 0;
  return {
    update({ rows, badRows, totalRows }) {
      if (began === 0) {
        began = performance.now();
        bar.start(totalRows, 0, { rate: '-', bad: 0, left: '-' });
      }
      const seconds = (performance.now() - began) / 1000;
      const rate = seconds > 0 ? rows / seconds : 0;
      const left = rate > 0 ? `${Math.ceil((totalRows - rows) / rate)} s` : '-';
      bar.setTotal(totalRows);
      bar.update(rows, { rate: Math.round(rate).toLocaleString('en'), bad: badRows, left });
    },
    stop: () => bar.stop(),
  };
}
