/**
 * Files that people give for an ONNX model by mistake, told by their first bytes. Each is refused by what it is,
 * because "no ONNX model" sends nobody to the export they forgot.
 */
import { EncoderError } from '../errors.ts';

interface Foreign {
  /** Printable ASCII; ORT's identifier is preceded by a four-byte offset. */
  readonly magic: string;
  readonly at?: number;
  readonly problem: string;
  readonly remedy: string;
}

const exportIt = 'Export the network to ONNX, for instance with torch.onnx.export or tf2onnx.';

const foreign: readonly Foreign[] = [
  {
    magic: 'PK\u0003\u0004',
    problem: 'This is a zip archive (as PyTorch and Keras save), not an ONNX model.',
    remedy: exportIt,
  },
  {
    magic: 'HDF\r\n',
    at: 1,
    problem: 'This is an HDF5 file (as Keras saves), not an ONNX model.',
    remedy: exportIt,
  },
  {
    magic: 'ORTM',
    at: 4,
    problem: "This is a model in ONNX Runtime's own .ort format, not in ONNX.",
    remedy: 'Give the .onnx file that it was made from.',
  },
  {
    magic: 'version https://git-lfs',
    problem: 'This is a Git LFS pointer, not the model it points to.',
    remedy: 'Fetch the file with git lfs pull.',
  },
];

/** @throws EncoderError when the bytes begin like one of the files above. */
export function refuseForeign(bytes: Uint8Array, name: string): void {
  for (const { magic, at = 0, problem, remedy } of foreign) {
    if (String.fromCharCode(...bytes.subarray(at, at + magic.length)) === magic) {
      throw new EncoderError(name, problem, { remedy });
    }
  }
}
