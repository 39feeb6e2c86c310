/** The page at /docs in a real browser, in front of a real server: what a newcomer does in the first minute. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { startServer } from '../../src/app/server.ts';
import { openWorkspace } from '../../src/app/workspace.ts';
import { createApiKey } from '../../src/core/api-keys.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const executablePath = process.env['SERVERY_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const options = { executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] };

const opened = new AsyncDisposableStack();
after(() => opened.disposeAsync());
const folder = opened.use(await temporaryFolder());
const QUICKSTART = resolve(import.meta.dirname, '../../examples/quickstart');
const { key, hash } = createApiKey();
const open = await serve('open', {});
const closed = await serve('closed', { auth: { keys: [{ name: 'me', hash, scopes: ['predict'] }] } });
const browser = await chromium.launch(options);
opened.defer(() => browser.close());

async function serve(name: string, config: object): Promise<string> {
  const own = join(folder.path, name);
  await cp(QUICKSTART, own, { recursive: true, filter: (path) => !path.includes('.servery') });
  const flags = { 'listen.http': '127.0.0.1:0', 'listen.grpc': 'off', 'log.level': 'off', frontEnds: 1 };
  const from = await openWorkspace(own, {}, flags);
  const server = opened.use(await startServer({ ...from, config: { ...from.config, ...config } }));
  await server.firstReady;
  return server.http;
}

/** A page on which nothing may go wrong unseen: scripts that throw, and what the policy blocks. */
async function visit(url: string, settings: { width?: number; expected?: RegExp } = {}) {
  const { width = 1200, expected } = settings;
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && expected?.test(message.text()) !== true) problems.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    async [Symbol.asyncDispose]() {
      await page.close();
      assert.deepEqual(problems, []);
    },
  };
}

async function predict(page: Page): Promise<{ status: string; answer: string }> {
  await page.getByRole('button', { name: 'Predict' }).click();
  await page.locator('.answer .good, .answer .bad').waitFor();
  return {
    status: await page.getByRole('status').innerText(),
    answer: await page.getByLabel('Answer', { exact: true }).innerText(),
  };
}

test('the models are listed, and the example row of one is predicted with a press of a button', async () => {
  await using visited = await visit(`${open}/docs`);
  const { page } = visited;
  await page.getByRole('link', { name: 'iris' }).click();
  await page.getByRole('heading', { level: 2, name: 'iris' }).waitFor();
  const { status, answer } = await predict(page);
  assert.match(status, /^OK 200\s+\d+\.\d ms$/);
  const { model, rows } = JSON.parse(answer) as { model: string; rows: Record<string, unknown>[] };
  assert.equal(model, 'iris');
  assert.match(String(rows[0]!.label), /^(setosa|versicolor|virginica)$/);
  assert.equal(await page.locator('.headline').innerText(), rows[0]!.label);
  assert.equal(await page.getByRole('meter').count(), 3);
});

test('what is typed is what is predicted, and the curl line says the same', async () => {
  await using visited = await visit(`${open}/docs#iris`);
  const { page } = visited;
  for (const [name, value] of Object.entries({
    sepal_length: '6.5',
    sepal_width: '3',
    petal_length: '5.8',
    petal_width: '2.2',
  })) {
    await page.getByLabel(name, { exact: true }).fill(value);
  }
  const { answer } = await predict(page);
  assert.match(answer, /"label": "virginica"/);
  const line = await page.locator('pre', { hasText: 'curl' }).innerText();
  assert.ok(line.includes('"petal_length":5.8'), line);
  const body = /--data-binary '(.*?)'/s.exec(line)![1]!;
  const again = await fetch(/'(http[^']*)'$/.exec(line)![1]!, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  assert.deepEqual(await again.json(), JSON.parse(answer));
});

test('a mistake is answered with what was expected', async () => {
  await using visited = await visit(`${open}/docs#churn-rules`, { expected: /status of 400/ });
  const { page } = visited;
  await page.getByLabel('tenure_months', { exact: true }).fill('a year');
  const { status, answer } = await predict(page);
  assert.match(status, /^Failed 400/);
  assert.match(answer, /"hint"/);
});

test('the row can be edited as JSON', async () => {
  await using visited = await visit(`${open}/docs#iris`);
  const { page } = visited;
  await page.getByRole('button', { name: 'JSON' }).click();
  const body = page.getByLabel('Body');
  const { rows } = JSON.parse(await body.inputValue()) as { rows: unknown[] };
  await body.fill(JSON.stringify({ rows: [...rows, ...rows] }));
  const { answer } = await predict(page);
  assert.equal((JSON.parse(answer) as { rows: unknown[] }).rows.length, 2);
});

test('every route can be asked', async () => {
  await using visited = await visit(`${open}/docs`);
  const { page } = visited;
  await page.getByRole('link', { name: 'All routes' }).click();
  await page.locator('summary', { hasText: '/v2/models/{model}/config' }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.answer .good').waitFor();
  assert.match(await page.getByLabel('Answer', { exact: true }).innerText(), /"max_batch_size"/);
});

test('with keys configured it asks for one, and sends it', async () => {
  await using visited = await visit(`${closed}/docs#iris`, { expected: /status of 401/ });
  const { page } = visited;
  await page.getByRole('alert').waitFor();
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Use' }).click();
  await page.getByRole('heading', { level: 2, name: 'iris' }).waitFor();
  const { status } = await predict(page);
  assert.match(status, /^OK 200/);
  assert.ok(!(await page.content()).includes(key), 'the key is on the page nowhere but in its field');
});

test('it fits a phone', async () => {
  await using visited = await visit(`${open}/docs#digits`, { width: 360 });
  const { page } = visited;
  await page.getByRole('heading', { level: 2, name: 'digits' }).waitFor();
  const wider = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  assert.equal(wider, 0);
});

test('it can be used without a mouse, and every field has a name', async () => {
  await using visited = await visit(`${open}/docs#iris`);
  const { page } = visited;
  await page.getByLabel('petal_width', { exact: true }).press('Enter');
  await page.locator('.answer .good').waitFor();
  const unnamed = await page.evaluate(
    `[...document.querySelectorAll('input, select, textarea')].filter((field) => field.labels.length === 0).length`,
  );
  assert.equal(unnamed, 0);
});
