/** What ONNX Runtime 1.30 really said, and what is told to do about it. */
import { describe, expect, it } from 'vitest';
import { DeviceError, EncoderError } from '../../src/errors.ts';
import { gpuLost, refused, runFailed } from '../../src/runtime/failures.ts';

describe('an operator that the engine lacks is named in the advice', () => {
  it.each([
    [
      "Can't create a session. ERROR_CODE: 6, ERROR_MESSAGE: No Op registered for DeformConv with domain_version of 17",
      'DeformConv',
    ],
    [
      "Can't create a session. ERROR_CODE: 6, ERROR_MESSAGE: No opset import for domain 'my.domain'",
      'my.domain',
    ],
    [
      "Can't create a session. ERROR_CODE: 9, ERROR_MESSAGE: Could not find an implementation for ConvInteger(10) node with name 'q'",
      'ConvInteger',
    ],
    [
      'Load model from x.onnx failed: Fatal error: my.domain:Wonder(-1) is not a registered function/op',
      'my.domain:Wonder',
    ],
  ])('%s', (said, operator) => {
    const error = refused('net.onnx', new Error(said));
    expect(error).toBeInstanceOf(EncoderError);
    expect(error.problem).toContain(operator);
    expect(error.remedy).toBe(
      `Export the network again with standard operators of ONNX in the place of ${operator}.`,
    );
  });

  it('and a file that is broken is to be checked', () => {
    const said =
      "Can't create a session. ERROR_CODE: 7, ERROR_MESSAGE: Failed to load model because protobuf parsing failed.";
    expect(refused('net.onnx', said).message).toBe(
      'net.onnx: ONNX Runtime cannot load the model: Failed to load model because protobuf parsing failed. Check that the file is complete and its operators are standard ONNX.',
    );
  });
});

describe('memory that is not given is no fault of the model', () => {
  it.each([
    'failed to call OrtRun(). ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc',
    'Aborted(OOM). Build with -sASSERTIONS for more info.',
    'WebAssembly.Memory(): could not allocate memory',
    "Non-zero status code returned while running Conv node. Name:'c' Status Message: bfc_arena.cc:359 AllocateRawInternal Failed to allocate memory for requested buffer of size 4194304000",
  ])('%s', (said) => {
    for (const error of [refused('net.onnx', said), runFailed('net.onnx', 'cpu', new Error(said))]) {
      expect(error).toBeInstanceOf(DeviceError);
      expect(error.message).toBe(
        'net.onnx: ONNX Runtime needs more memory for it than it is given here. Use smaller slices, or a smaller network.',
      );
    }
  });
});

it('a lost GPU is told as such', () => {
  expect(gpuLost('Device was destroyed.').message).toBe(
    'GPU: It was lost while it computed: Device was destroyed. Start again, or choose the device cpu.',
  );
  expect(gpuLost('').problem).toBe('It was lost while it computed: nothing is said why.');
});
