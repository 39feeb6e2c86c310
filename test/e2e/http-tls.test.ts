import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { IncomingMessage } from 'node:http';
import { INFER_BODY, openDoor } from '../support/http-door.ts';

const file = (name: string) => new URL(`../fixtures/tls/${name}`, import.meta.url).pathname;
const tls = { certFile: file('cert.pem'), keyFile: file('key.pem') };

test('with a certificate the door speaks HTTPS', async () => {
  await using door = await openDoor({ tls });
  const headers = { 'content-type': 'application/json' };
  const ca = await readFile(tls.certFile);
  const url = `https://localhost:${door.port}/v2/models/doubler/infer`;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', headers, ca, agent: false }, resolve)
      .on('error', reject)
      .end(JSON.stringify(INFER_BODY));
  });
  assert.equal(response.statusCode, 200);
  assert.match(await text(response), /"data":\[3,6\]/);
});

test('a certificate that cannot be read is a problem of the configuration', async () => {
  for (const broken of [
    { ...tls, certFile: '/nothing' },
    { ...tls, keyFile: tls.certFile },
  ]) {
    await assert.rejects(openDoor({ tls: broken }), { code: 'CONFIG_INVALID' });
  }
});
