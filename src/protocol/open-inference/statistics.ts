/** The statistics extension: counters of versions, since they were loaded. Times are whole nanoseconds there. */

export interface CountAndTime {
  readonly count: number;
  readonly ms: number;
}

/** Counters of one version, over the whole server. */
export interface CountedVersion {
  readonly model: { readonly name: string; readonly version: number };
  /** When the last request was answered, epoch ms; 0 when none was. */
  readonly lastInferenceMs: number;
  /** Rows computed for requests, and runs that it took. */
  readonly rows: number;
  readonly runs: number;
  readonly success: CountAndTime;
  readonly fail: CountAndTime;
  readonly queue: CountAndTime;
  readonly computeInput: CountAndTime;
  readonly computeInfer: CountAndTime;
  readonly computeOutput: CountAndTime;
  /** Runs by size. */
  readonly batches: readonly { readonly rows: number; readonly count: number; readonly runMs: number }[];
  /** Runs by why they were sent, and requests refused, by code: not in the extension, added for people. */
  readonly dispatch: Readonly<Record<string, number>>;
  readonly rejected: Readonly<Record<string, number>>;
}

interface WireDuration {
  readonly count: number;
  readonly ns: number;
}

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<
    Record<
      'success' | 'fail' | 'queue' | 'compute_input' | 'compute_infer' | 'compute_output' | 'cache_hit' | 'cache_miss',
      WireDuration
    >
  >;
  readonly response_stats: Readonly<Record<string, never>>;
  readonly batch_stats: readonly {
    readonly batch_size: number;
    readonly compute_input: WireDuration;
    readonly compute_infer: WireDuration;
    readonly compute_output: WireDuration;
  }[];
  readonly memory_usage: readonly never[];
  readonly dispatch_reasons: Readonly<Record<string, number>>;
  readonly rejections: Readonly<Record<string, number>>;
}

export function statisticsJson(versions: readonly CountedVersion[]): {
  readonly model_stats: readonly ModelStatistics[];
} {
  return { model_stats: versions.map(modelStatistics) };
}

const NOTHING: WireDuration = { count: 0, ns: 0 };

function modelStatistics(version: CountedVersion): ModelStatistics {
  return {
    name: version.model.name,
    version: String(version.model.version),
    last_inference: Math.round(version.lastInferenceMs),
    inference_count: version.rows,
    execution_count: version.runs,
    inference_stats: {
      success: duration(version.success),
      fail: duration(version.fail),
      queue: duration(version.queue),
      compute_input: duration(version.computeInput),
      compute_infer: duration(version.computeInfer),
      compute_output: duration(version.computeOutput),
      cache_hit: NOTHING,
      cache_miss: NOTHING,
    },
    response_stats: {},
    // A run is timed as a whole.
    batch_stats: version.batches.map(({ rows, count, runMs }) => ({
      batch_size: rows,
      compute_input: NOTHING,
      compute_infer: duration({ count, ms: runMs }),
      compute_output: NOTHING,
    })),
    memory_usage: [],
    dispatch_reasons: version.dispatch,
    rejections: version.rejected,
  };
}

function duration({ count, ms }: CountAndTime): WireDuration {
  return { count, ns: Math.round(ms * 1e6) };
}
