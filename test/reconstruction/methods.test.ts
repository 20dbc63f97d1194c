/** Methods as plans: what a preset fills in, to which methods an option goes, and which methods share a pass. */
import { describe, expect, it } from 'vitest';
import { smoothPhantom } from '../../src/datasets/phantom.ts';
import { parseFilter } from '../../src/reconstruction/filter.ts';
import {
  type MethodName,
  type Plan,
  passDirections,
  planDirections,
  planMethod,
  planMethods,
  sharedPasses,
} from '../../src/reconstruction/methods.ts';
import { reconstruct, reconstructAll } from '../../src/reconstruction/reconstruct.ts';
import { joinResponses } from '../../src/responses/joined.ts';
import { meanResponse, pooledResponse } from '../../src/responses/pooled.ts';
import type { Shape } from '../../src/volume/volume.ts';
import { relativeError } from '../support/compare.ts';

const shape: Shape = [9, 10, 11];
const all: MethodName[] = ['tonno', 'averaged-cam', 'tomographic-cam', 'cam', 'cam-3axes', 'iterative-cam'];
const names = (passes: readonly (readonly Plan[])[]) =>
  passes.map((pass) => pass.map(({ method }) => method));

describe('plans', () => {
  it('are the paper’s with its preset', () => {
    const plans = planMethods(all, { preset: 'paper' });
    const common = { preset: 'paper', seed: 0 };
    expect(plans).toEqual([
      { ...common, method: 'tonno', directions: 2000, slices: 100, filter: 'second-difference' },
      { ...common, method: 'averaged-cam', directions: 1000, slices: 100, filter: 'none' },
      { ...common, method: 'tomographic-cam', directions: 1000, slices: 100, filter: 'second-difference' },
      { ...common, method: 'cam', directions: 1, filter: 'none', axis: 0 },
      { ...common, method: 'cam-3axes', directions: 3, filter: 'none' },
      {
        ...common,
        method: 'iterative-cam',
        directions: 1000,
        slices: 100,
        filter: 'none',
        iterations: 4,
        nonNegative: false,
      },
    ]);
  });

  it('take an option where it means something and leave it out elsewhere', () => {
    const choice = { directions: 7, slices: 8, filter: 'hann:0.5', axis: 2, iterations: 9 } as const;
    const [tonno, averaged, , cam, axes, iterative] = planMethods(all, choice);
    expect(tonno).toMatchObject({ directions: 7, slices: 8, filter: 'hann:0.5' });
    expect(averaged.filter).toBe('none');
    expect(cam).toMatchObject({ axis: 2, directions: 1 });
    expect(axes).toEqual({
      method: 'cam-3axes',
      preset: 'standard',
      directions: 3,
      filter: 'none',
      seed: 0,
    });
    expect(iterative).toMatchObject({ iterations: 9, filter: 'none' });
  });

  it.each([
    ['cam', { directions: 5 }, /--directions: The method cam has a slice on every plane of voxels/],
    ['cam-3axes', { axis: 1 }, /--axis: The method cam-3axes does not go along one axis/],
    ['averaged-cam', { filter: 'none' }, /--filter: The method averaged-cam filters nothing/],
    ['tonno', { iterations: 3 }, /--iterations: The method tonno is one sum/],
    ['tonno', { nonNegative: true }, /--non-negative: The method tonno is one sum/],
  ] as const)('of %s refuse what means nothing to it', (method, choice, problem) => {
    expect(() => planMethod({ method, ...choice })).toThrow(problem);
  });
});

describe('passes', () => {
  it('are shared by methods over the same directions', () => {
    expect(names(sharedPasses(planMethods(all, { directions: 12 })))).toEqual([
      ['tonno', 'averaged-cam', 'tomographic-cam', 'iterative-cam'],
      ['cam', 'cam-3axes'],
    ]);
    // ToNNO has twice as many directions.
    for (const preset of ['standard', 'paper'] as const) {
      expect(names(sharedPasses(planMethods(all, { preset })))[0]).toEqual(['tonno']);
    }
  });

  it('have all directions of the sphere for each plan', () => {
    const plans = planMethods(['averaged-cam', 'tomographic-cam'], { directions: 12, slices: 6, seed: 4 });
    const { directions, uses } = passDirections(plans, shape);
    expect(directions).toEqual(planDirections(plans[0], shape));
    expect(uses).toEqual([undefined, undefined]);
  });

  it.each([0, 1, 2] as const)('go along axis %i once for one axis and for all three', (axis) => {
    const plans = planMethods(['cam-3axes', 'cam'], { axis });
    const { directions, uses } = passDirections(plans, shape);
    expect(directions).toHaveLength(3);
    expect(uses[0]).toBeUndefined();
    expect(directions.map((direction) => uses[1]!(direction))).toEqual([true, false, false]);
    expect(directions[0]).toMatchObject(
      planDirections(plans[1], shape)[0].n[axis] === 1 ? { slices: shape[axis] } : {},
    );
    expect(directions[0].n[axis]).toBe(1);
  });
});

describe('several heatmaps of one pass', () => {
  const phantom = smoothPhantom([16, 16, 16]);
  const size = { rows: 16, columns: 16 };
  const [plain, none] = ['second-difference', 'none'].map(parseFilter);

  it('are each what they are alone, however many there are', async () => {
    const plans = planMethods(['averaged-cam', 'tomographic-cam'], { directions: 20, slices: 12 });
    const { directions } = passDirections(plans, phantom.shape);
    const [coarse, fine] = [pooledResponse(4, size), pooledResponse(2, size)];
    let measured = 0;
    const both = joinResponses([coarse, fine]);
    const counting = {
      ...both,
      respond: async (...args: Parameters<typeof both.respond>) => {
        measured++;
        return both.respond(...args);
      },
    };
    const targets = [0, 1].flatMap((maps) => [none, plain].map((filter) => ({ maps, filter })));
    const { heatmaps } = await reconstructAll(phantom, counting, directions, targets);
    expect(measured).toBe(20);
    for (const [i, { maps, filter }] of targets.entries()) {
      const alone = await reconstruct(phantom, [coarse, fine][maps], directions, filter);
      expect(relativeError(heatmaps[i].data, alone.data)).toBeLessThan(1e-6);
      expect(heatmaps[i].done).toBe(20);
    }
  });

  it('count only the directions that are theirs', async () => {
    const plans = planMethods(['cam', 'cam-3axes'], { axis: 1 });
    const { directions, uses } = passDirections(plans, phantom.shape);
    const response = pooledResponse(4, size);
    const targets = uses.map((own) => ({ maps: 0, filter: none, uses: own }));
    const { heatmaps } = await reconstructAll(phantom, response, directions, targets);
    expect(heatmaps.map(({ done }) => done)).toEqual([1, 3]);
    for (const [i, plan] of plans.entries()) {
      const alone = await reconstruct(phantom, response, planDirections(plan, phantom.shape), none);
      expect(relativeError(heatmaps[i].data, alone.data)).toBeLessThan(1e-6);
    }
  });

  it('may be solved for beside others that are summed, and tell of their iterations', async () => {
    const plan = planMethod({ method: 'averaged-cam', directions: 20, slices: 12 });
    const iterations: number[] = [];
    const estimates: Promise<Float32Array | undefined>[] = [];
    const { heatmaps } = await reconstructAll(
      phantom,
      pooledResponse(4, size),
      planDirections(plan, phantom.shape),
      [
        { maps: 0, filter: none },
        { maps: 0, iterations: 4, nonNegative: true },
      ],
      {
        onIteration: (iteration) => iterations.push(iteration),
        onProgress: ({ done, estimate }) => done === 20 && estimates.push(estimate(1)),
      },
    );
    expect(iterations).toEqual([1, 2, 3, 4]);
    expect(Math.min(...heatmaps[1].data)).toBe(0);
    expect(heatmaps[1].done).toBe(20);
    expect(heatmaps[1].data).not.toEqual(heatmaps[0].data);
    expect(await estimates[0]).toEqual(heatmaps[1].data);
  });

  it('refuse responses to other slices', () => {
    const other = pooledResponse(4, { rows: 32, columns: 32 });
    expect(() => joinResponses([pooledResponse(4, size), other])).toThrow(/cannot be measured together/);
    expect(() => joinResponses([pooledResponse(4, size), meanResponse(size)])).toThrow(/pooled:4/);
  });
});
