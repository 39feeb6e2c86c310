/** `servery init`: a workspace that can be served at once, small enough to be read in a minute. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServeryError } from '../../core/errors.ts';
import type { Result } from '../output.ts';

const FILES: Readonly<Record<string, string>> = {
  'servery.config.ts': `import { defineConfig } from 'servery';

export default defineConfig({
  models: {
    discount: { batching: { maxRows: 64 } },
  },
});
`,
  'models/discount/1/handler.ts': `import { defineHandler } from 'servery';

/** A model is a folder: put \`model.onnx\` into \`models/NAME/1/\`, or write it in TypeScript, as here. */
export default defineHandler({
  signature: {
    inputs: { total: 'FP64', is_member: 'BOOL' },
    outputs: { discount: 'FP64', label: 'BYTES' },
  },
  predict: (rows) =>
    rows.map(({ total, is_member }) => {
      const discount = is_member ? Math.min(0.2, total / 1000) : 0;
      return { discount, label: discount > 0.1 ? 'generous' : 'plain' };
    }),
});
`,
  '.gitignore': '.servery/\n',
};

export async function init(folder: string): Promise<Result> {
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new ServeryError('USAGE', `Cannot make a workspace in ${folder}: it is not a folder`);
  });
  if (present.length > 0) {
    throw new ServeryError('USAGE', `Cannot make a workspace in ${folder}: the folder is not empty`, {
      hint: 'Name a folder that does not exist yet.',
    });
  }
  for (const [name, content] of Object.entries(FILES)) {
    const path = join(folder, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
  }
  const files = Object.keys(FILES);
  return {
    value: { workspace: folder, files },
    text: `Made ${folder} (${files.join(', ')}). Next: servery up ${folder}`,
  };
}
