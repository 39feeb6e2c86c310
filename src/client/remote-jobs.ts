/** The jobs of a server, through its HTTP door: each call is one request. */
import type {
  BackfillPage,
  BackfillPlan,
  BackfillView,
  JobApi,
  JobDetails,
  JobPage,
  OccurrenceView,
  RunDetails,
  RunPage,
} from '../jobs/job-api.ts';
import { inTime, type CallOptions, type Connection } from './connection.ts';

/** All but the feed of events, which is a stream over HTTP. */
export type JobCommands = Omit<JobApi, 'readEvents'>;

const JSON_BODY = { 'content-type': 'application/json' };
const segment = encodeURIComponent;

export function createRemoteJobs(connection: Connection, call: CallOptions = {}): JobCommands {
  async function get<T>(path: string, query: object = {}): Promise<T> {
    const response = await connection.request(`${path}${queryText(query)}`, call);
    return (await inTime(response.json())) as T;
  }

  async function post(path: string, body: object = {}, headers: Readonly<Record<string, string>> = {}) {
    const init = { method: 'POST', headers: { ...JSON_BODY, ...headers }, body: JSON.stringify(body) };
    return connection.request(path, { ...call, ...init });
  }

  const change = async <T>(path: string, body?: object) => (await inTime((await post(path, body)).json())) as T;

  return {
    listJobs: (query) => get<JobPage>('/api/jobs', query),
    showJob: (name) => get<JobDetails>(`/api/jobs/${segment(name)}`),
    async nextOccurrences(name, count) {
      return (await get<{ next: readonly OccurrenceView[] }>(`/api/jobs/${segment(name)}/next`, { count })).next;
    },
    async startRun(name, { request, ...order }) {
      const headers: Record<string, string> = request === undefined ? {} : { 'idempotency-key': request };
      const response = await post(`/api/jobs/${segment(name)}/runs`, order, headers);
      return { run: (await inTime(response.json())) as RunDetails, created: response.status === 201 };
    },
    listRuns: ({ states, ...query }) => get<RunPage>('/api/runs', { ...query, state: states?.join(',') }),
    showRun: (id) => get<RunDetails>(`/api/runs/${segment(id)}`),
    cancelRun: (id, note) => change<RunDetails>(`/api/runs/${segment(id)}/cancel`, { note }),
    retryRun: (id) => change<RunDetails>(`/api/runs/${segment(id)}/retry`),
    pauseJob: (name, note) => change<JobDetails>(`/api/jobs/${segment(name)}/pause`, { note }),
    resumeJob: (name) => change<JobDetails>(`/api/jobs/${segment(name)}/resume`),
    planBackfill: (name, order) =>
      change<BackfillPlan>(`/api/jobs/${segment(name)}/backfills`, { ...order, dryRun: true }),
    createBackfill: (name, order) => change<BackfillView>(`/api/jobs/${segment(name)}/backfills`, order),
    listBackfills: (query) => get<BackfillPage>('/api/backfills', query),
    showBackfill: (id) => get<BackfillView>(`/api/backfills/${segment(id)}`),
    changeBackfill: (id, what, note) => change<BackfillView>(`/api/backfills/${segment(id)}/${what}`, { note }),
    async readLog({ run, step, attempt, offset, maxBytes }) {
      const query = queryText({ step, attempt, offset, limit: maxBytes });
      const response = await connection.request(`/api/runs/${segment(run)}/logs${query}`, call);
      return {
        step: response.headers.get('servery-log-step'),
        attempt: numberOf(response.headers.get('servery-log-attempt')),
        text: await inTime(response.text()),
        nextOffset: Number(response.headers.get('servery-log-offset')),
        isComplete: response.headers.get('servery-log-complete') === 'true',
      };
    },
  };
}

/** `?a=1&b=2` of what is defined; empty when nothing is. */
export function queryText(query: object): string {
  const defined = Object.entries(query).filter(([, value]) => value !== undefined);
  return defined.length === 0
    ? ''
    : `?${new URLSearchParams(defined.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
