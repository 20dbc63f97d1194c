/** Binary cross-entropy of logits, one class each: the paper's loss (A.6). */

/** −y·ln σ(z) − (1 − y)·ln(1 − σ(z)), computed so that no exponential overflows. */
export function binaryCrossEntropy(logit: number, label: number): number {
  return Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)));
}

/** The mean over slices and classes. @param logits and labels [n, K]. */
export function meanLoss(logits: Float32Array, labels: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += binaryCrossEntropy(logits[i], labels[i]);
  return sum / logits.length;
}
