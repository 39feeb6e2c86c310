/** The pages of the documentation and their code blocks, for the tests that run them. */
import { glob, readFile } from 'node:fs/promises';

const ROOT = new URL('../../', import.meta.url).pathname;

export interface CodeBlock {
  /** `docs/models.md:12`. */
  readonly where: string;
  readonly language: string;
  /** The file that it shows, named behind the language. */
  readonly file: string | undefined;
  readonly text: string;
}

export async function pages(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const path of glob(['*.md', 'docs/**/*.md', 'examples/*.md'], { cwd: ROOT })) found.push(path);
  return found.sort();
}

export function readPage(path: string): Promise<string> {
  return readFile(ROOT + path, 'utf8');
}

export async function codeBlocks(): Promise<readonly CodeBlock[]> {
  const blocks: CodeBlock[] = [];
  for (const path of await pages()) {
    const text = await readPage(path);
    for (const match of text.matchAll(/^```(\w*)(?: (\S+))?\n(.*?)^```$/gms)) {
      const line = text.slice(0, match.index).split('\n').length;
      blocks.push({ where: `${path}:${line}`, language: match[1]!, file: match[2], text: match[3]! });
    }
  }
  return blocks;
}
