/** What ONNX Runtime says of a failure, as a sentence: its own source files and signatures tell a user nothing. */

/** `file.cc:12 void a::b(int) x == y was false. What is wrong` or `file.cc:12 a::b(int) What is wrong`. */
const PLACE =
  /(?:\S*\/)?\w+\.(?:cc|cpp|cu|h):\d+ (?:.* was false\. |.*?\)(?: const)? (?=[A-Z])|\w+ (?=[A-Z]))?/;

const FAILED_NODE = /Non-zero status code returned while running (\w+) node\. Name:'(.*?)' Status Message: /;

/** The useful part of an engine's error: one line with a full stop at its end. */
export function reason(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error))
    .replace(/\s+/g, ' ')
    .replace(/^.*?\bERROR_MESSAGE: /, '')
    .replace(/^no available backend found\. ERR: \[\w+\] (?:\w*Error: )?/, '')
    .replace(/^OrtSessionOptions\w+: /, '')
    .replace(FAILED_NODE, 'in its node $2 ($1): ')
    .replace(PLACE, '')
    .replace('Please fix either the inputs/outputs or the model.', '')
    .trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
