/** Addresses to listen on, as they are written in a configuration. */
import * as z from 'zod';

const HOST = /\[[0-9a-fA-F:]+\]|[^:\s]+/;
/** Up to 65535. */
const PORT = /0*(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])/;

export const address = z
  .string()
  .regex(new RegExp(`^(?:${HOST.source}):${PORT.source}$`), 'expected HOST:PORT, such as 127.0.0.1:8080');
