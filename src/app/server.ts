/**
 * The composition root of `up` and `serve`: the only place that knows which parts a server has.
 *
 * Whatever is opened here is closed in reverse order, both when the server is disposed and when a later
 * step of the start fails.
 */
import { readFile } from 'node:fs/promises';
import { hashOfKey } from '../core/api-keys.ts';
import { systemClock } from '../core/clock.ts';
import { ServeryError } from '../core/errors.ts';
import { notice } from '../core/events.ts';
import { version } from '../core/package-info.ts';
import type { ControlApi, ModelDetails } from '../models/control-api.ts';
import { ByteBudget } from '../listening/byte-budget.ts';
import type { Models } from '../models/models.ts';
import { ownPorts, type OwnPort } from '../protocol/protocols.ts';
import { createCollector, mergeStates } from '../telemetry/collector.ts';
import { createLogger, logEvents } from '../telemetry/log.ts';
import { renderMetrics } from '../telemetry/metrics.ts';
import { toStatistics } from '../telemetry/statistics.ts';
import { formatAddress, isLoopback, parseAddress, reserve, type Address } from './addresses.ts';
import { watchConfig, type LiveConfig } from './config-watch.ts';
import { openControl } from './control.ts';
import type { FrontEndSettings } from './front-end.ts';
import { endEarlyThreads, frontEndCount, startFrontEndThread, type FrontEndThread } from './front-end-threads.ts';
import { holdServerFile } from './server-file.ts';
import type { Scheduler } from './scheduler.ts';
import type { Workspace } from './workspace.ts';

/** After its runs have ended or were handed over, a worker has this time to close what it has open. */
const BATCH_CLOSE_MS = 20_000;

export interface Server extends AsyncDisposable {
  /** `http://host:port` or `https://host:port`. */
  readonly http: string;
  /** `host:port`; undefined when it is off. */
  readonly grpc: string | undefined;
  /** Ports that protocols of other systems have for themselves. */
  readonly protocols: readonly OwnPort[];
  /** Resolves when everything that was there at the start is loaded, or has failed. */
  readonly firstReady: Promise<readonly ModelDetails[]>;
}

/** Opens the batch half of a workspace: `up` has one, `serve` does not. */
export type OpenBatch = (workspace: Workspace) => Promise<Scheduler>;

/**
 * @throws {ServeryError} `WORKSPACE_IN_USE`, `ADDRESS_IN_USE`, `ADDRESS_INSECURE`, `CONFIG_INVALID`
 */
export async function startServer(workspace: Workspace, openBatch?: OpenBatch): Promise<Server> {
  const { config, folder, modelsFolder, stateFolder } = workspace;
  const httpAddress = parseAddress(config.listen.http);
  const grpcAddress = config.listen.grpc === 'off' ? undefined : parseAddress(config.listen.grpc);
  const ownAddresses = ownPorts(config.protocols).map(({ address, ...port }) => ({
    ...port,
    ...parseAddress(address),
  }));
  refuseInsecure([httpAddress, ...(grpcAddress === undefined ? [] : [grpcAddress]), ...ownAddresses], workspace);

  await using opened = new AsyncDisposableStack();
  const held = opened.use(await holdServerFile(folder));
  opened.use(logEvents(createLogger(config.log), config.log));
  const collector = opened.use(createCollector());

  const control = openControl({
    modelsFolder,
    stateFolder,
    models: config.models ?? {},
    stuckAfterMs: config.stuckAfter,
  });
  const { models } = control;
  const scheduler = await openBatch?.(workspace);
  if (scheduler !== undefined) opened.use(scheduler);
  scheduler?.ended.catch((error: Error) => dieUnless(isStopping, 'the scheduler', error));
  let isStopping = false;
  const fronts: FrontEndThread[] = [];
  const api = createControlApi(
    models,
    async () => [collector.state(), ...(await Promise.all(fronts.map((front) => front.collectorState())))],
    fronts,
    config.metrics,
  );

  const settings: Omit<FrontEndSettings, 'hasJobs'> = {
    http: config.http,
    grpc: config.grpc,
    protocols: config.protocols,
    auth: config.auth,
    ownerKeyHash: hashOfKey(held.key),
    log: config.log,
    defaultTimeoutMs: config.defaultTimeout,
    bufferedBytes: { http: ByteBudget.createCounter(), grpc: ByteBudget.createCounter() },
  };
  const count = frontEndCount(config.frontEnds);
  const reusePort = count > 1;
  const http = await reserve(httpAddress);
  const grpc = grpcAddress === undefined ? undefined : await reserve(grpcAddress);
  const own = await Promise.all(ownAddresses.map(async (port) => ({ ...port, ...(await reserve(port)) })));

  for (let i = 0; i < count; i += 1) {
    fronts.push(
      startFrontEndThread(settings, { control: api, jobs: scheduler?.jobs, requests: scheduler?.requests }, dieOf),
    );
  }
  void endEarlyThreads();
  opened.defer(() => Promise.all(fronts.map((front) => front.stop())).then(() => undefined));
  opened.use(control); // closed before the front ends stop, as their runners are closed by it

  await Promise.all(fronts.map((front) => models.join(front)));
  // While the front ends start. What comes for them before they listen waits in their ports.
  const firstReady = models.start().then(async () => {
    const summaries = await models.listModels();
    return Promise.all(summaries.map(({ name }) => models.showModel(name)));
  });
  firstReady.catch(() => undefined); // reported by whoever awaits it
  const [ports] = await Promise.all(fronts.map((front) => front.listen({ http, grpc, own, reusePort })));
  const scheme = config.http.tls === undefined ? 'http' : 'https';
  const httpUrl = `${scheme}://${formatAddress({ host: http.host, port: ports!.http })}`;
  const grpcText = grpc === undefined ? undefined : formatAddress({ host: grpc.host, port: ports!.grpc! });
  await held.publish({
    http: httpUrl,
    ...(grpcText !== undefined && { grpc: grpcText }),
    ...(config.http.tls !== undefined && { certificate: await readFile(config.http.tls.certFile, 'utf8') }),
  });
  const protocols = ports!.own.map(({ host, port, ...own }) => ({ ...own, address: formatAddress({ host, port }) }));

  const live: LiveConfig = { models: (next) => models.configure(next.models ?? {}) };
  opened.use(watchConfig(workspace, scheduler === undefined ? live : { ...live, batch: scheduler.configure }));
  const resources = opened.move();
  return {
    http: httpUrl,
    grpc: grpcText,
    protocols,
    firstReady,
    async [Symbol.asyncDispose]() {
      isStopping = true;
      const leaveBy = systemClock.now() + config.stopGrace;
      const batchGraceMs = scheduler === undefined ? 0 : config.batch.stopGrace + BATCH_CLOSE_MS;
      using _ = leaveIfStuck(models, Math.max(config.stopGrace, batchGraceMs));
      // Beside the requests in flight: neither half waits for the other.
      const batchStopped = scheduler?.[Symbol.asyncDispose]();
      await Promise.all([models.drain(), ...fronts.map((front) => front.beginDrain())]);
      await Promise.all(fronts.map((front) => front.closeDoors(Math.max(0, leaveBy - systemClock.now()))));
      await batchStopped;
      await resources.disposeAsync();
    },
  };
}

/** The API that doors call, as far as it needs more than the models. */
function createControlApi(
  models: Models,
  collect: () => Promise<Parameters<typeof mergeStates>[0]>,
  fronts: readonly FrontEndThread[],
  { aliases }: Workspace['config']['metrics'],
): ControlApi {
  return {
    listModels: () => models.listModels(),
    showModel: (name) => models.showModel(name),
    setAlias: (name, alias, target) => models.setAlias(name, alias, target),
    removeAlias: (name, alias) => models.removeAlias(name, alias),
    rollback: (name, alias) => models.rollback(name, alias),
    load: (name, files) => models.load(name, files),
    unload: (name) => models.unload(name),
    async statistics(name, wanted) {
      const versions = models.liveVersions(name, wanted);
      return toStatistics(mergeStates(await collect()), versions);
    },
    async metrics(also) {
      const gauges = { version, ready: models.isReady, frontEnds: fronts.length, versions: models.gauges() };
      return renderMetrics(mergeStates(await collect()), gauges, [
        ...new Set([...aliases, ...(also === undefined ? [] : [also])]),
      ]);
    },
  };
}

function refuseInsecure(addresses: readonly Address[], { config }: Workspace): void {
  const open = addresses.find((address) => !isLoopback(address));
  if (open === undefined || config.auth.keys.length > 0 || config.listen.insecure) return;
  throw new ServeryError(
    'ADDRESS_INSECURE',
    `Cannot listen on ${formatAddress(open)} without authentication: anyone who reaches it could use it`,
  );
}

/**
 * A run inside ONNX Runtime cannot be stopped, and a thread in one cannot be terminated without taking the
 * process down. When the grace is over, the process names the model and leaves the hard way.
 */
function leaveIfStuck(models: Models, graceMs: number): Disposable {
  return systemClock.after(graceMs, () => {
    const stuck = models.runningSinceBefore(systemClock.now()).map(({ name, version: n }) => `${name}/${n}`);
    const what = stuck.length === 0 ? 'something has not stopped' : `${stuck.join(', ')} is still running`;
    notice.publish({ level: 'error', message: `Leaving by SIGKILL: the grace time is over and ${what}` });
    process.kill(process.pid, 'SIGKILL');
  });
}

/** Without its scheduler a server would go on and run nothing. */
function dieUnless(isExpected: boolean, what: string, error: Error): void {
  if (isExpected) return;
  notice.publish({ level: 'error', message: `Leaving: ${what} has ended`, error });
  process.exit(1);
}

/** See front-end-threads.ts: a server without one of its front ends is no server. */
function dieOf(error: Error): never {
  notice.publish({ level: 'error', message: 'Leaving: a front-end thread has ended', error });
  process.exit(1);
}
