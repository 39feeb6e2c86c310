import { defineHandler, ServeryError } from 'servery';
import * as z from 'zod';

const PRICES = new Map<unknown, number>(Object.entries({ kr: 4.5, us: 9 }));

export default defineHandler({
  route: 'POST /parcels/price',
  body: z.object({ country: z.unknown().optional(), kilograms: z.unknown().optional() }),
  predict: (parcels) =>
    parcels.map(({ country, kilograms }) => {
      const base = PRICES.get(country);
      if (base === undefined) throw new ServeryError('INVALID_INPUT', 'country has to be one of kr, us');
      if (typeof kilograms !== 'number' || kilograms <= 0 || kilograms > 30) {
        throw new ServeryError('INVALID_INPUT', 'kilograms has to be a number above 0 and at most 30');
      }
      return { price: base + 1.25 * kilograms, currency: 'USD' };
    }),
});
