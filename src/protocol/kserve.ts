/** How KServe says that something is wrong: its `errors.py`, and FastAPI's words for what has no route. */
import type { ErrorCode } from '../core/errors.ts';

/** @param name of the model that was asked for; empty when there is none in the path */
export function failureBody(code: ErrorCode, message: string, name: string): string {
  switch (code) {
    case 'NOT_FOUND':
      return JSON.stringify({ detail: 'Not Found' });
    case 'METHOD_NOT_ALLOWED':
      return JSON.stringify({ detail: 'Method Not Allowed' });
    case 'MODEL_NOT_FOUND':
      return JSON.stringify({ error: `Model with name ${name} does not exist.` });
    case 'MODEL_NOT_READY':
      return JSON.stringify({ error: `Model with name ${name} is not ready.` });
    default:
      return JSON.stringify({ error: message.replace(UNREADABLE, 'Unrecognized request format: ') });
  }
}

const UNREADABLE = /^(?:Cannot read [a-z ]+|JSON Parse error): (?=it is not valid JSON|The document is empty)/;
