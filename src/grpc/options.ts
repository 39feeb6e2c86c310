/** Options of the gRPC door: their only definition. Every limit of what a client may send is here. */
import * as z from 'zod';
import { duration } from '../core/duration.ts';
import { tlsOptions } from '../listening/tls-options.ts';

const MIB = 1024 * 1024;

export const grpcOptions = z.strictObject({
  maxMessageBytes: z
    .int()
    .min(1024)
    .max(2 ** 31 - 1)
    .default(64 * MIB)
    .describe('Largest message that a client may send, in bytes, before and after decompression.'),
  maxBufferedBytes: z
    .int()
    .min(1024)
    .default(512 * MIB)
    .describe('Bytes of messages that the server holds at once, over all connections; calls beyond it are refused.'),
  maxMetadataBytes: z.int().min(1024).max(MIB).default(16_384).describe('Largest metadata of a call, in bytes.'),
  maxConcurrentStreams: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1024)
    .describe('Calls that may be open at once on one connection.'),
  maxConnections: z.int().min(1).max(1_000_000).default(10_000).describe('Open connections of one front-end thread.'),
  maxStreamedRequests: z
    .int()
    .min(1)
    .max(65_536)
    .default(64)
    .describe('Requests of one ModelStreamInfer that run at once; further ones wait in the network.'),
  handshakeTimeout: duration.prefault('10s').describe('A connection that does not speak HTTP/2 by then is cut off.'),
  messageTimeout: duration
    .prefault('60s')
    .describe(
      'A call is cut off when its client begins a message, or an answer begins, and then nothing moves for this long.',
    ),
  keepAliveInterval: duration
    .prefault('1m')
    .describe('A connection is asked this often whether its client still lives.'),
  keepAliveTimeout: duration
    .prefault('20s')
    .describe('A connection whose client does not answer within this time is closed.'),
  tls: tlsOptions.optional().describe('Serves gRPC over TLS instead of plain HTTP/2.'),
});

export type GrpcOptions = z.output<typeof grpcOptions>;
