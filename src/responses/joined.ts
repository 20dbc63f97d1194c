/** Several responses to the same slices as one: their maps one after the other. */
import { UsageError } from '../errors.ts';
import type { Response } from './response.ts';

/**
 * @throws UsageError when they see slices of different sizes, or measure planes differently: they could not share one
 *   reconstruction.
 */
export function joinResponses(responses: readonly Response[]): Response {
  const [first] = responses;
  if (responses.length === 1) return first;
  for (const { names, size, planeMeasure } of responses) {
    const alike = size.rows === first.size.rows && size.columns === first.size.columns;
    if (!alike || planeMeasure !== first.planeMeasure) {
      throw new UsageError(
        names.join(', '),
        `It cannot be measured together with ${first.names.join(', ')}.`,
        {
          remedy: 'Measure them one after the other.',
        },
      );
    }
  }
  return {
    names: responses.flatMap(({ names }) => names),
    size: first.size,
    lanes: Math.min(...responses.map(({ lanes }) => lanes)),
    planeMeasure: first.planeMeasure,
    async respond(stack, signal) {
      const all = responses.map((response) => response.respond(stack, signal));
      await Promise.allSettled(all);
      return (await Promise.all(all)).flat();
    },
  };
}
