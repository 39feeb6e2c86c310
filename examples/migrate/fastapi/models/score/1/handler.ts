import { defineHandler } from 'servery';
import * as z from 'zod';

export default defineHandler({
  route: 'POST /shops/:shop/score',
  body: z.object({
    amount: z.number().gt(0).lte(10_000),
    country: z.string().min(2).max(2),
    items: z.array(z.string()).default([]),
    express: z.boolean().default(false),
  }),
  response: z.object({ score: z.number(), review: z.boolean() }),
  predict: (orders, { parameters: { shop } }) =>
    orders.map(({ amount, express, items }) => {
      const risk = Math.min(1, amount / 1000 + (express ? 0.25 : 0));
      return { score: risk, review: risk > 0.8 || (shop === 'new' && items.length === 0) };
    }),
});
