/** Servery's public API. What is not exported here may change in any release. */
export { createServery, type Servery, type ServeryOptions } from './app/embedded.ts';
export type { ChunkValue as Chunk } from './core/chunk.ts';
export { defineConfig } from './config/config.ts';
export type { ConfigInput } from './config/schema.ts';
export { ERROR_CATALOG, ServeryError, type ErrorCode } from './core/errors.ts';
export { defineHandler } from './runtime/define-handler.ts';
export type { HandlerContext, InputRow, OutputRow, SetupContext } from './runtime/define-handler.ts';
