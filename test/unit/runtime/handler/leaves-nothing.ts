/** Run as a process of its own: loads a handler, calls it, loses a thread, disposes all of it. Then it has to exit by itself. */
import { onX, openHandler } from './open-handler.ts';

await using handler = await openHandler(
  onX('predict(rows) { if (rows[0].x < 0) process.exit(); return rows.map(({ x }) => ({ y: x })); }'),
  {
    options: { threads: 2 },
  },
);
await handler.run([1]);
await handler.run([-1]).catch(() => {});
await handler.run([1]);
