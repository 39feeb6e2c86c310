import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { test } from 'node:test';
import { openGrpcDoor } from '../support/grpc-door.ts';

const file = (name: string) => new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;
const tls = { certFile: file('cert.pem'), keyFile: file('key.pem') };

test('with a certificate the door speaks gRPC over TLS', async () => {
  await using door = await openGrpcDoor({ options: { tls } });
  const client = new Client(`localhost:${door.port}`, credentials.createSsl(await readFile(tls.certFile)));
  const answer = await new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest<Buffer, Buffer>(
      '/inference.GRPCInferenceService/ServerLive',
      (bytes) => bytes,
      (bytes) => bytes,
      Buffer.alloc(0),
      (error, bytes) => (error === null ? resolve(bytes!) : reject(error)),
    );
  });
  client.close();
  assert.deepEqual([...answer], [8, 1]);
});

test('a certificate that cannot be read is a problem of the configuration', async () => {
  for (const broken of [
    { ...tls, certFile: '/nothing' },
    { ...tls, keyFile: tls.certFile },
  ]) {
    await assert.rejects(openGrpcDoor({ options: { tls: broken } }), { code: 'CONFIG_INVALID' });
  }
});
