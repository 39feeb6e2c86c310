/** Values that are the same after `JSON.parse(JSON.stringify(value))`: what is stored, sent and passed between steps. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
