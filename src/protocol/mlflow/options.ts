/** How MLflow's scoring server is stood in for. */
import * as z from 'zod';

export const mlflowOptions = {
  model: z
    .string()
    .optional()
    .describe('Model that `/invocations` means, `NAME` or `NAME@ALIAS`; needed where a workspace has more than one.'),
  profile: z
    .enum(['strict', 'mlflow-compat'])
    .default('strict')
    .describe(
      '`mlflow-compat` converts values as MLflow does, with what is lost by that, and prints NaN and Infinity.',
    ),
};
