/**
 * Model archives of TorchServe (`.mar`): a zip whose `MAR-INF/MANIFEST.json` says what is in it.
 *
 * One whose model is ONNX, or whose handler is TypeScript or JavaScript, is a version as it is. Python code is not
 * run here; the refusal says what to do instead.
 */
import * as z from 'zod';
import { ServeryError, quote } from '../core/errors.ts';
import type { ArtifactFormat } from '../core/model.ts';
import { rememberByFingerprint } from './remember.ts';
import { ZipFile } from './zip.ts';

const MANIFEST = 'MAR-INF/MANIFEST.json';
const MAX_MANIFEST_BYTES = 65_536;
/** Handlers of TorchServe that hand tensors to the model and back, as every model here does. */
const PLAIN_HANDLERS: ReadonlySet<string> = new Set(['', 'base_handler']);

const manifestSchema = z.object({
  model: z.object({
    serializedFile: z.string().nullish(),
    modelFile: z.string().nullish(),
    handler: z.string().nullish(),
  }),
});

export interface ArchiveEntry {
  readonly format: ArtifactFormat;
  /** Its path in the archive. */
  readonly file: string;
}

/** Whether a name in a version folder is that of an archive. */
export function isArchive(name: string): boolean {
  return /^[^/]+\.mar$/.test(name);
}

/** The file to load, by the archive's path and the fingerprint of the folder that holds it; or why there is none. */
export const inspectArchive = rememberByFingerprint(findEntry);

async function findEntry(path: string): Promise<ArchiveEntry | string> {
  try {
    await using zip = await ZipFile.open(path);
    const entry = zip.entries.get(MANIFEST);
    if (entry === undefined) return `its archive has no ${MANIFEST}`;
    const text = (await zip.read(entry, MAX_MANIFEST_BYTES)).toString('utf8');
    const manifest = manifestSchema.safeParse(parse(text));
    if (!manifest.success) return `${MANIFEST} of its archive is not a manifest`;
    return entryOf(manifest.data, (name) => zip.entries.has(name));
  } catch (error) {
    if (error instanceof ServeryError) return error.message;
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function entryOf({ model }: z.infer<typeof manifestSchema>, has: (name: string) => boolean): ArchiveEntry | string {
  const [serializedFile, modelFile, handler] = [model.serializedFile ?? '', model.modelFile ?? '', model.handler ?? ''];
  if (/\.(ts|js|mjs)$/.test(handler)) {
    return has(handler) ? { format: 'handler', file: handler } : `its archive lacks the handler ${quote(handler)}`;
  }
  const isOnnx = serializedFile.endsWith('.onnx');
  if (PLAIN_HANDLERS.has(handler) && modelFile === '' && isOnnx) {
    return has(serializedFile)
      ? { format: 'onnx', file: serializedFile }
      : `its archive lacks the model ${quote(serializedFile)}`;
  }
  const code = [handler, modelFile].filter((name) => !PLAIN_HANDLERS.has(name)).map((name) => quote(name));
  const what =
    code.length === 0 ? `a model that is no ONNX, ${quote(serializedFile)}` : `Python, ${code.join(' and ')}`;
  const instead = isOnnx
    ? `${quote(serializedFile)} of it is served as model.onnx, with what the Python code does in a handler.ts beside it`
    : 'export the model with torch.onnx.export and serve it as model.onnx, with a handler.ts for what the code does';
  return `its archive holds ${what}, which is not run here: ${instead}`;
}
