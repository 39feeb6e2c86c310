/** Options of the HTTP door: their only definition. Every limit of what a client may send is here. */
import * as z from 'zod';
import { duration } from '../core/duration.ts';
import { tlsOptions } from '../listening/tls-options.ts';

const MIB = 1024 * 1024;

export const httpOptions = z.strictObject({
  maxBodyBytes: z
    .int()
    .min(1024)
    .max(2 ** 31)
    .default(64 * MIB)
    .describe('Largest request body, in bytes, as it is sent.'),
  maxDecompressedBytes: z
    .int()
    .min(1024)
    .max(2 ** 31)
    .default(64 * MIB)
    .describe('Largest request body after gzip or deflate is undone, in bytes.'),
  maxBufferedBytes: z
    .int()
    .min(1024)
    .default(512 * MIB)
    .describe(
      'Bytes of request bodies that the server holds at once, over all connections; requests beyond it get 503. ' +
        'A body that comes in one piece does not count.',
    ),
  maxHeaderBytes: z
    .int()
    .min(1024)
    .max(MIB)
    .default(16_384)
    .describe('Largest head of a request (its URL and headers), in bytes.'),
  maxParts: z
    .int()
    .min(1024)
    .default(2 ** 20)
    .describe(
      'Lists, objects, keys, lines and cells of a body that is text: each takes many times its length in memory, and time.',
    ),
  maxNesting: z.int().min(4).max(1000).default(100).describe('Levels of lists and objects in a JSON body.'),
  maxElements: z
    .int()
    .min(1)
    .max(2 ** 31)
    .default(2 ** 26)
    .describe('Elements of one tensor in a request.'),
  maxConnections: z.int().min(1).max(1_000_000).default(10_000).describe('Open connections of one front-end thread.'),
  maxStreams: z
    .int()
    .min(1)
    .max(100_000)
    .default(64)
    .describe('Open streams of events and logs of one front-end thread.'),
  headersTimeout: duration.prefault('10s').describe('A client that has not sent its headers by then is cut off.'),
  requestTimeout: duration.prefault('60s').describe('A client that has not sent its body by then is cut off.'),
  keepAliveTimeout: duration.prefault('75s').describe('An idle connection is closed after this time.'),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Names that requests may have in their Host header, beside localhost and the bound address; ' +
        '`*.example.com` stands for all below it, `*` for any name.',
    ),
  cors: z
    .array(
      z.string().regex(/^(\*|null|https?:\/\/[^/\s]+)$/, 'expected an origin such as https://app.example.com, or *'),
    )
    .default([])
    .describe('Origins of other web sites whose pages may call this server.'),
  serverName: z
    .string()
    .regex(/^[\x21-\x7e]{1,64}$/, 'expected 1 to 64 printable characters without spaces')
    .default('servery')
    .describe('The `name` in `GET /v2`. Some clients of Triton insist on `triton`.'),
  readyStatus: z
    .enum(['servery', 'triton'])
    .default('servery')
    .describe('Status of a readiness check that says no: `servery` 503, `triton` 400.'),
  tls: tlsOptions.optional().describe('Serves HTTPS instead of HTTP.'),
});

export type HttpOptions = z.output<typeof httpOptions>;
