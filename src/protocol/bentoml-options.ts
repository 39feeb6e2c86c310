/** How BentoML is stood in for. */
import * as z from 'zod';

export const bentomlOptions = {
  dataframes: z
    .boolean()
    .default(false)
    .describe('Inputs with named features are data frames to its clients, by column name, and not arrays.'),
};
