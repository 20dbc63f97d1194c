/**
 * The paper's own proof at its own size: how well the mean response gives a smooth phantom back.
 *
 *     npm run bench -- proof
 */
import {
  agreementInBall,
  fibonacciDirections,
  meanResponse,
  parseFilter,
  reconstruct,
  smoothPhantom,
} from 'tonno';
import { machine } from './support/machine.ts';

console.log(machine());
console.log('smooth phantom of 64³, slices of 64², M = 100, plain second difference; in the unit ball');
const phantom = smoothPhantom([64, 64, 64]);
for (const L of [125, 250, 500, 1000, 2000]) {
  const start = performance.now();
  const { data } = await reconstruct(
    phantom,
    meanResponse({ rows: 64, columns: 64 }),
    fibonacciDirections(L, { slices: 100 }),
    parseFilter('second-difference'),
  );
  const seconds = (performance.now() - start) / 1000;
  const { correlation, error } = agreementInBall(data, phantom);
  console.log(
    `L = ${String(L).padStart(4)}: correlation ${correlation.toFixed(6)}, relative L2 error ${error.toFixed(4)}, ${seconds.toFixed(1)} s`,
  );
}
