// Writes src/protocol/open-inference-grpc/gen from the .proto files beside it.
//
//     node_modules/.bin/node scripts/generate-protobuf.mjs
//
// Needs protoc: PROTOC names one (`PROTOC='python -m grpc_tools.protoc'`, from PyPI's grpcio-tools, is
// one too). What it was made from is recorded in gen/sources.sha256, so that a test, which has no protoc,
// sees when the generated files are older than the .proto files.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'src', 'protocol', 'open-inference-grpc');
const proto = join(folder, 'proto');
const gen = join(folder, 'gen');

/** One line for each .proto file: its SHA-256 and its name. */
export function describeSources() {
  const names = globSync('**/*.proto', { cwd: proto }).toSorted();
  const line = (/** @type {string} */ name) =>
    `${createHash('sha256')
      .update(readFileSync(join(proto, name)))
      .digest('hex')}  ${name}\n`;
  return names.map(line).join('');
}

if (import.meta.main) {
  const [protoc = '', ...before] = (process.env.PROTOC ?? 'protoc').split(' ');
  const bin = join(import.meta.dirname, '..', 'node_modules', '.bin');
  rmSync(gen, { recursive: true, force: true });
  mkdirSync(gen, { recursive: true });
  execFileSync(
    protoc,
    [
      ...before,
      `--proto_path=${proto}`,
      `--es_out=${gen}`,
      '--es_opt=target=ts,import_extension=ts,erasable_syntax=true',
      ...globSync('**/*.proto', { cwd: proto }).toSorted(),
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter) },
    },
  );
  writeFileSync(join(gen, 'sources.sha256'), describeSources());
}
