/** The public interface of the package `servery`. Nothing heavy is loaded here: each handler thread imports it. */
export { defineHandler } from './runtime/define-handler.ts';
export { ServeryError } from './core/errors.ts';
