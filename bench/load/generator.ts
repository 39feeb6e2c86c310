/**
 * The load generator, a process of its own: reads one plan from the parent, sends, reports the latencies.
 *
 * Closed loop: each connection sends its next request when the last one is answered. Open loop: requests
 * are due at fixed instants whatever the server does, and latency counts from the instant they were due,
 * so a server that stalls cannot hide it.
 */
import { postBytes, RawConnection } from './raw-http.ts';
import type { LoadPlan, LoadReport } from './plan.ts';

process.once('message', (plan: LoadPlan) => {
  void run(plan).then((report) => process.send!(report, () => process.disconnect()));
});

async function run(plan: LoadPlan): Promise<LoadReport> {
  const request = postBytes(plan.target, plan.path, plan.headers, Buffer.from(plan.bodyBase64, 'base64'));
  return plan.ratePerSecond === undefined ? closedLoop(plan, request) : openLoop(plan, request, plan.ratePerSecond);
}

async function closedLoop(plan: LoadPlan, request: Buffer): Promise<LoadReport> {
  const record = new Recorder(plan);
  const connections: RawConnection[] = [];
  for (let i = 0; i < plan.connections; i += 1) {
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      connection.send(request);
    };
    const connection = new RawConnection(
      plan.target,
      ({ status }) => {
        record.answer(status, performance.now() - sentAt);
        if (!record.isOver) send();
      },
      () => record.error(),
    );
    connections.push(connection);
    send();
  }
  await record.over;
  for (const connection of connections) connection.close();
  return record.report();
}

async function openLoop(plan: LoadPlan, request: Buffer, ratePerSecond: number): Promise<LoadReport> {
  const record = new Recorder(plan);
  const idle: RawConnection[] = [];
  const dueOf = new Map<RawConnection, number>();
  /** Due, and waiting for a connection: the instants. */
  const backlog: number[] = [];
  const begin = (connection: RawConnection, due: number) => {
    dueOf.set(connection, due);
    connection.send(request);
  };
  for (let i = 0; i < plan.connections; i += 1) {
    const connection: RawConnection = new RawConnection(
      plan.target,
      ({ status }) => {
        record.answer(status, performance.now() - dueOf.get(connection)!);
        const due = backlog.shift();
        if (due !== undefined) begin(connection, due);
        else idle.push(connection);
      },
      () => record.error(),
    );
    idle.push(connection);
  }
  const start = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const shouldHaveSent = ((performance.now() - start) / 1000) * ratePerSecond;
    for (; sent < shouldHaveSent; sent += 1) {
      const due = start + (sent / ratePerSecond) * 1000;
      const connection = idle.pop();
      if (connection === undefined) backlog.push(due);
      else begin(connection, due);
    }
  }, 1);
  await record.over;
  clearInterval(timer);
  for (const connection of [...idle, ...dueOf.keys()]) connection.close();
  return record.report();
}

/** Latencies of good answers and of refusals apart, after the warm-up. */
class Recorder {
  readonly over: Promise<void>;
  isOver = false;
  readonly #from: number;
  readonly #seconds: number;
  readonly #good: number[] = [];
  readonly #refused: number[] = [];
  #errors = 0;

  constructor({ warmUpSeconds, seconds }: LoadPlan) {
    this.#from = performance.now() + warmUpSeconds * 1000;
    this.#seconds = seconds;
    this.over = new Promise((resolve) => {
      setTimeout(
        () => {
          this.isOver = true;
          resolve();
        },
        (warmUpSeconds + seconds) * 1000,
      );
    });
  }

  answer(status: number, latencyMs: number): void {
    if (this.isOver || performance.now() < this.#from) return;
    if (status === 200) this.#good.push(latencyMs);
    else if (status === 503) this.#refused.push(latencyMs);
    else this.#errors += 1;
  }

  error(): void {
    if (!this.isOver) this.#errors += 1;
  }

  report(): LoadReport {
    return {
      requestsPerSecond: this.#good.length / this.#seconds,
      refusedPerSecond: this.#refused.length / this.#seconds,
      errors: this.#errors,
      latencyMs: percentiles(this.#good),
      refusalMs: percentiles(this.#refused),
    };
  }
}

function percentiles(values: number[]): LoadReport['latencyMs'] {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: sorted.at(-1) ?? NaN };
}
