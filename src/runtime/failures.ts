/** What can go wrong with a session, said the same in Node and in the browser. */
import { EncoderError } from '../errors.ts';
import { reason } from './reason.ts';
import type { Device } from './session.ts';

/** The engine does not take the model. */
export function refused(name: string, cause: unknown): EncoderError {
  return new EncoderError(name, `ONNX Runtime cannot load the model: ${reason(cause)}`, {
    remedy: 'Check that the file is complete and its operators are standard ONNX.',
    cause,
  });
}

/** A run was refused or broke off; the session goes on. */
export function runFailed(name: string, device: Device, cause: unknown): EncoderError {
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
