/** What can go wrong with a session, said the same in Node and in the browser. */
import { DeviceError, EncoderError, type TonnoError } from '../errors.ts';
import { reason } from './reason.ts';
import type { Device } from './session.ts';

/** How the engine says that it has no such operator, with the operator or its domain. */
const UNKNOWN_OPERATOR = [
  /No Op registered for (\w+)/,
  /([\w.:]+)\(-?\d+\) is not a registered function\/op/,
  /implementation for ([\w.:]+)\(/,
  /No opset import for domain '(.*?)'/,
];

/** How engines and browsers say that there is no memory. */
const NO_MEMORY = /bad_alloc|out of memory|\bOOM\b|failed to allocate memory|could not allocate memory/i;

/** The engine does not take the model. */
export function refused(name: string, cause: unknown): TonnoError {
  const problem = reason(cause);
  if (NO_MEMORY.test(problem)) return noMemory(name, cause);
  const operator = UNKNOWN_OPERATOR.map((said) => said.exec(problem)?.[1]).find(Boolean);
  return new EncoderError(name, `ONNX Runtime cannot load the model: ${problem}`, {
    remedy: operator
      ? `Export the network again with standard operators of ONNX in the place of ${operator}.`
      : 'Check that the file is complete and its operators are standard ONNX.',
    cause,
  });
}

/** There is no room for the model or for what is computed. */
function noMemory(name: string, cause: unknown): DeviceError {
  return new DeviceError(name, 'ONNX Runtime needs more memory for it than it is given here.', {
    remedy: 'Use smaller slices, or a smaller network.',
    cause,
  });
}

/** The GPU is gone, as after a fault of its driver or when the machine slept; another session may find it again. */
export function gpuLost(said: string, cause?: unknown): DeviceError {
  return new DeviceError('GPU', `It was lost while it computed: ${reason(said || 'nothing is said why')}`, {
    remedy: 'Start again, or choose the device cpu.',
    cause,
  });
}

/** A run was refused or broke off; the session goes on. */
export function runFailed(name: string, device: Device, cause: unknown): TonnoError {
  if (NO_MEMORY.test(reason(cause))) return noMemory(name, cause);
  return new EncoderError(name, `ONNX Runtime cannot run it: ${reason(cause)}`, {
    // The CPU has every operator of ONNX, other devices have not.
    remedy: device === 'cpu' ? undefined : 'The device cpu may run it.',
    cause,
  });
}

/** A run was asked for after `close`. */
export function closed(name: string): EncoderError {
  return new EncoderError(name, 'Its session is closed.', { remedy: 'Open another one.' });
}
