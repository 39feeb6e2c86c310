import { testKillsAt } from '../support/kill-at-failpoints.ts';

testKillsAt(/^dataset/);
