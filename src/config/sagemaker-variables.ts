/**
 * The variables that SageMaker gives a container, as options: any of them makes the server a model container.
 *
 * They weigh more than the file, which does not know where it runs, and less than our own variables.
 */

const PREFIX = 'SAGEMAKER_';
const USUAL_PORT = '8080';
const MIB = 1024 * 1024;

/** Paths of options, with texts. */
export function* sagemakerVariables(env: Readonly<Record<string, string | undefined>>): Generator<[string, string]> {
  if (!Object.keys(env).some((name) => name.startsWith(PREFIX))) return;
  const of = (name: string) => env[PREFIX + name];
  yield ['protocols.sagemaker.container', 'true'];
  const address = `0.0.0.0:${of('BIND_TO_PORT') ?? USUAL_PORT}`;
  if (/^true$/i.test(of('MULTI_MODEL') ?? '')) {
    // Its API has paths that are ours on the shared port, so that the platform gets a port to itself.
    yield ['protocols.sagemaker.http', address];
    yield ['listen.http', '127.0.0.1:0'];
  } else yield ['listen.http', address];
  // Its usual port could be the one that the platform chose.
  yield ['listen.grpc', 'off'];
  const accept = of('DEFAULT_INVOCATIONS_ACCEPT');
  if (accept !== undefined) yield ['protocols.sagemaker.defaultAccept', accept];
  const concurrent = of('MAX_CONCURRENT_TRANSFORMS');
  if (concurrent !== undefined) yield ['protocols.sagemaker.maxConcurrentTransforms', concurrent];
  const payload = of('MAX_PAYLOAD_IN_MB');
  // 0 is what it says of payloads without an end.
  if (payload !== undefined && /^[1-9][0-9]{0,3}$/.test(payload)) {
    yield ['http.maxBodyBytes', String(Number(payload) * MIB)];
  }
}
