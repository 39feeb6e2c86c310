/** Business rules as a model: how likely is a customer to leave, and is that low, medium or high? */
import { defineHandler } from 'servery';

export default defineHandler({
  signature: {
    inputs: {
      contract: 'BYTES', // 'monthly', 'yearly' or 'two-year'
      tenure_months: 'INT32',
      monthly_charges: 'FP32',
      support_calls: 'INT32',
    },
    outputs: { risk: 'FP32', label: 'BYTES' },
  },

  predict: (customers) =>
    customers.map((customer) => {
      let risk = customer.contract === 'monthly' ? 0.4 : 0.1;
      if (customer.tenure_months < 12) risk += 0.2;
      if (customer.monthly_charges > 80) risk += 0.1;
      risk += Math.min(customer.support_calls, 5) * 0.05;
      return { risk, label: risk >= 0.6 ? 'high' : risk >= 0.3 ? 'medium' : 'low' };
    }),
});
