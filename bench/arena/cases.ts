/** What is compared with whom, and what is wanted of the ratio. */
import type { Goal } from '../table.ts';

export interface ArenaCase {
  readonly name: string;
  readonly model: 'iris' | 'breast-cancer' | 'mlp';
  readonly connections: number;
  readonly protocol: 'json' | 'grpc';
  readonly figure: 'p50' | 'rate';
  /** Names of contenders, and the goal against each; with `others` for those that are not named. */
  readonly against: Readonly<Record<string, Goal>>;
}

export const CASES: readonly ArenaCase[] = [
  {
    name: 'iris, JSON, 1 connection',
    model: 'iris',
    connections: 1,
    protocol: 'json',
    figure: 'p50',
    // With ONNX Runtime in it, a server cannot answer as soon as the echo; see bench/README.md.
    against: { echo: { atMost: 1.4 }, 'by-hand': { atMost: 1.1 }, others: { atMost: 1 } },
  },
  {
    name: 'iris, JSON, 32 connections',
    model: 'iris',
    connections: 32,
    protocol: 'json',
    figure: 'rate',
    against: {
      echo: { atLeast: 0.8 },
      'by-hand': { atLeast: 1.5 },
      triton: { atLeast: 2 },
      'fastapi-tuned': { atLeast: 3 },
      fastapi: { atLeast: 7 },
      flask: { atLeast: 1 },
      torchserve: { atLeast: 1 },
      others: { atLeast: 15 },
    },
  },
  {
    name: 'iris, JSON, 256 connections',
    model: 'iris',
    connections: 256,
    protocol: 'json',
    figure: 'rate',
    against: { echo: undefined, triton: { atLeast: 1.5 }, 'fastapi-tuned': { atLeast: 1 } },
  },
  {
    name: 'breast-cancer, JSON, 32 connections',
    model: 'breast-cancer',
    connections: 32,
    protocol: 'json',
    figure: 'rate',
    against: { echo: undefined, triton: { atLeast: 2 }, 'fastapi-tuned': { atLeast: 1 } },
  },
  {
    name: 'mlp, JSON, 32 connections',
    model: 'mlp',
    connections: 32,
    protocol: 'json',
    figure: 'rate',
    against: {
      'engine-node': undefined,
      'engine-python': undefined,
      triton: { atLeast: 1.3 },
      fastapi: { atLeast: 1 },
    },
  },
  {
    name: 'iris, gRPC, 32 calls',
    model: 'iris',
    connections: 32,
    protocol: 'grpc',
    figure: 'rate',
    against: { 'grpc-echo': { atLeast: 0.7 }, triton: { atLeast: 1 }, mlserver: { atLeast: 4 } },
  },
];

/** Undefined when the contender does not take part in the case. */
export function goalAgainst({ against }: ArenaCase, name: string): { readonly goal: Goal } | undefined {
  if (name in against) return { goal: against[name] };
  const isFloor = name.includes('echo') || name.startsWith('engine');
  return 'others' in against && !isFloor ? { goal: against['others'] } : undefined;
}
