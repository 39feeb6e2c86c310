/** Models over HTTP, in Servery's own words: list, show, aliases, rollback. */
import { parseVersion } from '../core/model.ts';
import type { HttpDeps } from './deps.ts';
import { readObject, unfitMember } from './json-body.ts';
import { requireName, type Route } from './route.ts';

const tag = 'Models';
const BODY = { mediaTypes: ['application/json'] };

export function adminRoutes({ control }: HttpDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/models',
      scope: 'read',
      docs: { tag, summary: 'All models with their versions and aliases' },
      async handle(exchange) {
        exchange.json(JSON.stringify({ models: await control.listModels() }));
      },
    },
    {
      method: 'GET',
      path: '/api/models/:model',
      scope: 'read',
      docs: { tag, summary: 'One model: what was resolved for each version, and why' },
      async handle(exchange) {
        exchange.json(JSON.stringify(await control.showModel(exchange.target!.model.name)));
      },
    },
    {
      method: 'PUT',
      path: '/api/models/:model/aliases/:alias',
      scope: 'admin',
      body: BODY,
      docs: { tag, summary: 'Point an alias at a version' },
      async handle(exchange) {
        const name = requireName('model', exchange.param('model'));
        const alias = requireName('alias', exchange.param('alias'));
        const { version } = readObject(exchange.body);
        if (typeof version !== 'number' || parseVersion(String(version)) === undefined) {
          throw unfitMember('version', 'a positive integer');
        }
        exchange.json(JSON.stringify(await control.setAlias(name, alias, version)));
      },
    },
    {
      method: 'DELETE',
      path: '/api/models/:model/aliases/:alias',
      scope: 'admin',
      docs: { tag, summary: 'Remove an alias' },
      async handle(exchange) {
        const name = requireName('model', exchange.param('model'));
        const alias = requireName('alias', exchange.param('alias'));
        exchange.json(JSON.stringify(await control.removeAlias(name, alias)));
      },
    },
    {
      method: 'POST',
      path: '/api/models/:model/rollback',
      scope: 'admin',
      body: BODY,
      docs: { tag, summary: 'Move an alias back to its previous version' },
      async handle(exchange) {
        const name = requireName('model', exchange.param('model'));
        const { alias } = readObject(exchange.body);
        if (alias !== undefined && typeof alias !== 'string') throw unfitMember('alias', 'a name');
        const chosen = alias === undefined ? undefined : requireName('alias', alias);
        exchange.json(JSON.stringify(await control.rollback(name, chosen)));
      },
    },
  ];
}
