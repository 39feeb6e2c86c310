/**
 * The variables that Vertex AI gives a container, as options.
 *
 * They weigh more than the file, which does not know where it runs, and less than our own variables.
 */

/** Paths of options, with texts. */
export function* vertexVariables(env: Readonly<Record<string, string | undefined>>): Generator<[string, string]> {
  const { AIP_HTTP_PORT: port, AIP_HEALTH_ROUTE: healthRoute, AIP_PREDICT_ROUTE: predictRoute } = env;
  if (port !== undefined) {
    yield ['listen.http', `0.0.0.0:${port}`];
    // Its usual port could be the one that the platform chose.
    yield ['listen.grpc', 'off'];
  }
  if (healthRoute !== undefined) yield ['protocols.vertex.healthRoute', healthRoute];
  if (predictRoute !== undefined) yield ['protocols.vertex.predictRoute', predictRoute];
}
