/** Options of a certificate and its key. */
import * as z from 'zod';

export const tlsOptions = z.strictObject({
  certFile: z.string().min(1).describe('Certificate chain in PEM.'),
  keyFile: z.string().min(1).describe('Private key in PEM.'),
});

export type TlsOptions = z.output<typeof tlsOptions>;
