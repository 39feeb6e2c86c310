/** The APIs that threads offer each other: each of their methods is a message (rpc.ts). */
import type { JobApi } from '../jobs/job-api.ts';
import type { RequestApi } from '../jobs/request/store-request.ts';
import type { ControlApi } from '../models/control-api.ts';
import type { Methods, Peer } from './rpc.ts';

interface Apis {
  readonly control: ControlApi;
  readonly jobs: JobApi;
  readonly requests: RequestApi;
}

/** Whoever answers may be called with these, and nothing else. */
const METHODS: { readonly [Name in keyof Apis]: Readonly<Record<keyof Apis[Name], true>> } = {
  control: {
    listModels: true,
    showModel: true,
    setAlias: true,
    removeAlias: true,
    rollback: true,
    load: true,
    unload: true,
    statistics: true,
    metrics: true,
  },
  jobs: {
    listJobs: true,
    showJob: true,
    nextOccurrences: true,
    startRun: true,
    listRuns: true,
    showRun: true,
    cancelRun: true,
    retryRun: true,
    pauseJob: true,
    resumeJob: true,
    planBackfill: true,
    createBackfill: true,
    listBackfills: true,
    showBackfill: true,
    changeBackfill: true,
    readLog: true,
    readEvents: true,
  },
  requests: { storeRequest: true },
};

/** What `connectPeer` takes, to answer the calls of a `remoteApi` on the other side. */
export function apiMethods<Name extends keyof Apis>(name: Name, api: Apis[Name]): Methods {
  const methods = Object.keys(METHODS[name]) as (keyof Apis[Name] & string)[];
  return Object.fromEntries(
    methods.map((method) => {
      const call = api[method] as (...args: never[]) => Promise<unknown>;
      return [`${name}.${method}`, (...args: never[]) => call.apply(api, args)];
    }),
  );
}

/** The API of the other side. */
export function remoteApi<Name extends keyof Apis>(name: Name, peer: Peer): Apis[Name] {
  return new Proxy({} as Apis[Name], {
    get:
      (_, method) =>
      (...args: unknown[]) =>
        peer.call(`${name}.${String(method)}`, args),
  });
}
