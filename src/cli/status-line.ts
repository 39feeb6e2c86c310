/** One line at the bottom of a terminal that is written again and again; nothing where there is no terminal. */
import { stripVTControlCharacters } from 'node:util';

export interface StatusLine extends Disposable {
  show(text: string): void;
  clear(): void;
}

export function openStatusLine(): StatusLine {
  const { stderr } = process;
  let isShown = false;
  const clear = () => {
    if (isShown) stderr.write('\r\u001b[K');
    isShown = false;
  };
  return {
    show(text) {
      if (!stderr.isTTY) return;
      // A longer one would leave its beginning on the line above.
      const line = stripVTControlCharacters(text)
        .replaceAll(/\s+/g, ' ')
        .slice(0, Math.max(20, stderr.columns - 1));
      stderr.write(`\r\u001b[K${line}`);
      isShown = true;
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
