/** Gradients of matrix products. */
import { isNumber } from '../dimensions.ts';
import type { Rule } from './rule.ts';

/** Y = α·A'B' + β·C, with A' and B' perhaps transposed. */
export const gemm: Rule = (at) => {
  const { o, g, x } = at;
  const [a, b, c] = x;
  const [transA, transB] = [at.int('transA', 0), at.int('transB', 0)];
  const [alpha, beta] = [at.float('alpha', 1), at.float('beta', 1)];
  const product = (p: string, q: string, transP: number, transQ: number) =>
    o.op('Gemm', [p, q], { alpha, transA: transP, transB: transQ });
  return [
    () => (transA ? product(b, g, transB, 1) : product(g, b, 0, 1 - transB)),
    () => (transB ? product(g, a, 1, transA) : product(a, g, 1 - transA, 0)),
    () => at.unbroadcast(beta === 1 ? g : o.mul(g, beta), c),
  ];
};

/** Y = A·B over the last two axes, those before them broadcast: G·Bᵀ and Aᵀ·G. */
export const matMul: Rule = (at) => {
  const { o, x } = at;
  const [rankA, rankB] = [at.rank(x[0]), at.rank(x[1])];
  // Vectors are matrices of one row or one column.
  const a = () => (rankA === 1 ? o.unsqueeze(x[0], [0]) : x[0]);
  const b = () => (rankB === 1 ? o.unsqueeze(x[1], [1]) : x[1]);
  const g = () => {
    const rows = rankA === 1 ? o.unsqueeze(at.g, [at.rank(at.g) - (rankB === 1 ? 0 : 1)]) : at.g;
    return rankB === 1 ? o.unsqueeze(rows, [at.rank(rows)]) : rows;
  };
  const swapped = (matrix: string) => {
    const axes = at.shape(matrix).map((_, axis) => axis);
    return o.transpose(matrix, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
  };
  const columns = at.shape(x[1]).at(-1)!;
  const depth = at.shape(x[0]).at(-1)!;
  const dense = rankB === 2 && rankA > 1 && isNumber(columns) && isNumber(depth);
  return [
    () => {
      const gradient = o.op('MatMul', [g(), swapped(b())]);
      return rankA === 1
        ? o.reshapeLike(at.unbroadcast(gradient, a()), x[0])
        : at.unbroadcast(gradient, x[0]);
    },
    () => {
      // One weight for a whole batch: batch and rows together are the inner dimension.
      if (dense) {
        const flat = [o.reshape(x[0], [-1, depth]), o.reshape(at.g, [-1, columns])];
        return o.op('Gemm', flat, { transA: 1 });
      }
      const gradient = o.op('MatMul', [swapped(a()), g()]);
      return rankB === 1
        ? o.reshapeLike(at.unbroadcast(gradient, b()), x[1])
        : at.unbroadcast(gradient, x[1]);
    },
  ];
};
