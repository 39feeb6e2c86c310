/**
 * API keys: who may predict, who may administer.
 *
 * A configuration holds only digests. Keys are made by `servery token` from 256 random bits, so a plain
 * SHA-256 is as good as a slow hash: there is nothing to guess. Both HTTP and gRPC ask here.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthOptions } from './auth-options.ts';
import { ServeryError } from './errors.ts';

/** What a key may be made for. */
export const SCOPES = ['predict', 'admin', 'jobs'] as const;

/** What a route or method asks of a key: nothing, any key, or a key with this scope. */
export type Scope = 'none' | 'read' | (typeof SCOPES)[number];

export interface KeyRing {
  /** False: no keys are configured, everything is allowed. */
  readonly isRequired: boolean;
  /**
   * @param key as the client presented it
   * @throws {ServeryError} `UNAUTHENTICATED` without a known key, `FORBIDDEN` when it lacks the scope
   */
  check(key: string | undefined, scope: Scope): void;
  /** Whether it is the key of the user who runs the server, who may do everything. */
  isOwner(key: string | undefined): boolean;
}

/** @param ownerHash as `hash` of a key: of the key that the server leaves for the user who runs it */
export function createKeyRing({ keys }: AuthOptions, ownerHash?: string): KeyRing {
  const known = keys.map(({ hash: text, scopes }) => ({ digest: Buffer.from(text.slice(7), 'hex'), scopes }));
  const isRequired = known.length > 0;
  const owner = ownerHash === undefined ? undefined : Buffer.from(ownerHash.slice(7), 'hex');
  const isOwner: KeyRing['isOwner'] = (key) =>
    owner !== undefined && key !== undefined && timingSafeEqual(owner, hash('sha256', key, 'buffer'));
  return {
    isRequired,
    isOwner,
    check(key, scope) {
      if (!isRequired || scope === 'none' || isOwner(key)) return;
      if (key === undefined) {
        throw new ServeryError('UNAUTHENTICATED', 'Cannot let the request in: it brings no API key');
      }
      const digest = hash('sha256', key, 'buffer');
      let found: (typeof known)[number] | undefined;
      // Every key is compared, always: the time says nothing about which one matched.
      for (const candidate of known) if (timingSafeEqual(candidate.digest, digest)) found = candidate;
      if (found === undefined) {
        throw new ServeryError('UNAUTHENTICATED', 'Cannot let the request in: its API key is not known');
      }
      if (scope !== 'read' && !found.scopes.includes(scope)) {
        throw new ServeryError('FORBIDDEN', `Cannot let the request in: its API key lacks the scope "${scope}"`);
      }
    },
  };
}

/** The key in `Authorization: Bearer KEY` or `X-Api-Key: KEY`. */
export function presentedKey(authorization: string | undefined, apiKey: string | undefined): string | undefined {
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
  return apiKey;
}

/** A new key, for whoever will use it, and its digest, for the configuration. */
export function createApiKey(): { readonly key: string; readonly hash: string } {
  const key = `servery_${randomBytes(32).toString('base64url')}`;
  return { key, hash: hashOfKey(key) };
}

export function hashOfKey(key: string): string {
  return `sha256:${hash('sha256', key)}`;
}
