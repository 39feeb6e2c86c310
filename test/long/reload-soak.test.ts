/**
 * Unloading frees the memory: 100 reloads of a 20 MB model, in a process of their own, show no trend.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { largeModel } from '../support/large-model.ts';
import { modelWorkspace } from '../support/model-workspace.ts';

const RELOADS = 100;
const MB = 2 ** 20;

/**
 * For glibc, which by itself moves blocks of this size onto its heaps after the first was
 * freed, and the heaps fragment: nothing leaks, and the process still grows.
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: String(MB) };

for (const placement of ['executor', 'inline'] as const) {
  it(`${RELOADS} reloads of a 20 MB model leave nothing behind (${placement})`, { timeout: 600_000 }, async (t) => {
    await using workspace = await modelWorkspace();
    await workspace.write('large/1/model.onnx', largeModel(20 * MB));
    const script = new URL('reload-soak-process.ts', import.meta.url).pathname;
    const args = [script, workspace.modelsFolder, workspace.stateFolder, String(RELOADS), placement];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...MALLOC },
    });
    const resident = (await text(child.stdout)).trim().split('\n').map(Number);
    assert.equal(resident.length, RELOADS);
    const before = Math.max(...resident.slice(19, 40));
    const after = Math.max(...resident.slice(-20));
    t.diagnostic(
      `highest of reloads 20 to 40: ${Math.round(before / MB)} MB, of the last 20: ${Math.round(after / MB)} MB`,
    );
    assert.ok(after <= before * 1.1, `${Math.round(before / MB)} MB became ${Math.round(after / MB)} MB`);
  });
}
