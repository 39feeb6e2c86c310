/** Protobuf's text format, as far as TensorFlow Serving's configuration files use it. */
import { ServeryError } from '../../core/errors.ts';

/** A field may come several times; scalars are kept as they were written, texts without their quotes. */
export type TextMessage = ReadonlyMap<string, readonly (string | TextMessage)[]>;

const TOKEN = /\s+|#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z0-9_.+-]+|[:{}<>[\],;]/y;
const MAX_DEPTH = 64;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** @throws {ServeryError} `CONFIG_INVALID`, with the line */
export function parseTextFormat(text: string, what: string): TextMessage {
  const reader = new TextReader(text, what);
  return reader.message('');
}

class TextReader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;
  #token = '';
  #depth = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
    this.#next();
  }

  /** @param end the sign that ends it; empty for the whole file */
  message(end: string): TextMessage {
    if ((this.#depth += 1) > MAX_DEPTH) throw this.#problem('it is nested too deeply');
    const fields = new Map<string, (string | TextMessage)[]>();
    while (this.#token !== end) {
      if (!/^[A-Za-z_]/.test(this.#token)) throw this.#problem('expected the name of a field');
      const name = this.#token;
      this.#next();
      const values = fields.get(name) ?? [];
      fields.set(name, values);
      const hasColon = this.#accept(':');
      if (this.#accept('[')) {
        while (!this.#accept(']')) {
          values.push(this.#value(true));
          if (this.#token !== ']' && !this.#accept(',')) throw this.#problem('expected , or ]');
        }
      } else values.push(this.#value(hasColon));
      if (!this.#accept(',')) this.#accept(';');
    }
    if (end !== '') this.#next();
    this.#depth -= 1;
    return fields;
  }

  #value(mayBeScalar: boolean): string | TextMessage {
    if (this.#accept('{')) return this.message('}');
    if (this.#accept('<')) return this.message('>');
    if (!mayBeScalar || !/^["'A-Za-z0-9_.+-]/.test(this.#token)) throw this.#problem('expected a value');
    if (!/^["']/.test(this.#token)) return this.#take();
    let text = '';
    // Texts in a row are one.
    while (/^["']/.test(this.#token)) {
      text += this.#take()
        .slice(1, -1)
        .replace(/\\(.)/gs, (_, sign: string) => ESCAPES[sign] ?? sign);
    }
    return text;
  }

  #accept(sign: string): boolean {
    if (this.#token !== sign) return false;
    this.#next();
    return true;
  }

  #take(): string {
    const token = this.#token;
    this.#next();
    return token;
  }

  #next(): void {
    this.#token = '';
    while (this.#at < this.#text.length) {
      TOKEN.lastIndex = this.#at;
      const [token] = TOKEN.exec(this.#text) ?? [];
      if (token === undefined) throw this.#problem('a sign has no place there');
      this.#at += token.length;
      if (/^[\s#]/.test(token)) continue;
      this.#token = token;
      return;
    }
  }

  #problem(problem: string): ServeryError {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return new ServeryError('CONFIG_INVALID', `Cannot read the ${this.#what}, line ${line}: ${problem}`, {
      hint: "It is read in protobuf's text format, as TensorFlow Serving has it.",
    });
  }
}
