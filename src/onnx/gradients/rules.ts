/** The table of gradients: ONNX's operators by name. An operator that is in neither list ends the differentiation. */
import * as activations from './activations.ts';
import { convolution, transposedConvolution } from './convolution.ts';
import * as elementwise from './elementwise.ts';
import * as layout from './layout.ts';
import { gemm, matMul } from './linear.ts';
import * as normalisation from './normalisation.ts';
import * as pooling from './pooling.ts';
import * as reduction from './reduction.ts';
import type { Rule } from './rule.ts';
import { gather, resize } from './sampling.ts';

export const rules: Readonly<Record<string, Rule>> = {
  // arithmetic
  Add: elementwise.add,
  Sub: elementwise.subtract,
  Mul: elementwise.multiply,
  Div: elementwise.divide,
  Pow: elementwise.power,
  Sqrt: elementwise.squareRoot,
  Exp: elementwise.exponential,
  Log: elementwise.logarithm,
  Neg: elementwise.negation,
  Abs: elementwise.absolute,
  Reciprocal: elementwise.reciprocal,
  Erf: elementwise.errorFunction,
  Sin: elementwise.sine,
  Cos: elementwise.cosine,
  Sum: elementwise.sumOfAll,
  Mean: elementwise.meanOfAll,
  Min: elementwise.extreme,
  Max: elementwise.extreme,
  Where: elementwise.choice,
  Cast: elementwise.cast,
  Identity: elementwise.identity,
  // activations
  Relu: activations.relu,
  LeakyRelu: activations.leakyRelu,
  PRelu: activations.prelu,
  Elu: activations.elu,
  Selu: activations.selu,
  Celu: activations.celu,
  Clip: activations.clip,
  Sigmoid: activations.sigmoid,
  Tanh: activations.tanh,
  HardSigmoid: activations.hardSigmoid,
  HardSwish: activations.hardSwish,
  Gelu: activations.gelu,
  Softplus: activations.softplus,
  Softsign: activations.softsign,
  Mish: activations.mish,
  Softmax: activations.softmax,
  LogSoftmax: activations.logSoftmax,
  Dropout: activations.dropout,
  // products
  Gemm: gemm,
  MatMul: matMul,
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  // normalisations
  BatchNormalization: normalisation.batchNormalization,
  InstanceNormalization: normalisation.instanceNormalization,
  GroupNormalization: normalisation.groupNormalization,
  LayerNormalization: normalisation.layerNormalization,
  // poolings and reductions
  MaxPool: pooling.maxPool,
  AveragePool: pooling.averagePool,
  GlobalAveragePool: pooling.globalAveragePool,
  GlobalMaxPool: pooling.globalMaxPool,
  ReduceSum: reduction.reduceSum,
  ReduceMean: reduction.reduceMean,
  ReduceMax: reduction.reduceExtreme,
  ReduceMin: reduction.reduceExtreme,
  ReduceL1: reduction.reduceL1,
  ReduceL2: reduction.reduceL2,
  ReduceSumSquare: reduction.reduceSumSquare,
  ReduceLogSumExp: reduction.reduceLogSumExp,
  // layout
  Reshape: layout.reshape,
  Flatten: layout.reshape,
  Squeeze: layout.reshape,
  Unsqueeze: layout.reshape,
  Transpose: layout.transpose,
  Expand: layout.expand,
  Concat: layout.concat,
  Split: layout.split,
  Slice: layout.slice,
  Pad: layout.pad,
  DepthToSpace: layout.depthToSpace,
  SpaceToDepth: layout.spaceToDepth,
  Gather: gather,
  Resize: resize,
};

/** Operators whose results do not change with small changes of their inputs, or that have no inputs: nothing flows. */
export const flat: ReadonlySet<string> = new Set(
  [
    'Constant ConstantOfShape Shape Size Range NonZero OneHot EyeLike RandomNormal RandomUniform',
    'RandomNormalLike RandomUniformLike Bernoulli ArgMax ArgMin Equal Less Greater LessOrEqual GreaterOrEqual',
    'And Or Xor Not IsNaN IsInf Sign Floor Ceil Round',
  ].flatMap((names) => names.split(' ')),
);
