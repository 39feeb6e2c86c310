/** `servery openapi`: the document that the server of a workspace gives, for generators and linters. */
import { requireServer } from '../local-server.ts';
import type { Result } from '../output.ts';

export async function openapi(workspace: string): Promise<Result> {
  const server = await requireServer(workspace);
  const document = await server.request('GET', '/openapi.json');
  return { value: document, text: JSON.stringify(document, null, 2) };
}
