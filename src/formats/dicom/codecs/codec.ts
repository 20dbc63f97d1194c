/**
 * What a codec is: it is handed the codestream of one frame of grey values and gives back the samples. Codestreams have
 * headers of their own; a codec compares them with the data set's before it allocates, and a damaged codestream leaves
 * it as an error whose message says what is wrong with it.
 */

export interface CodedFrame {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  /** Bits of a cell in the data set: 8, 16 or 32. */
  readonly allocated: number;
}

export interface DecodedSamples {
  /** rows × columns samples, row by row. */
  readonly samples: ArrayLike<number>;
  /** Bits of a sample as the codestream has it. */
  readonly precision: number;
  /** Whether samples are signed already. Other samples of signed pixels are two's complement. */
  readonly signed: boolean;
  /**
   * Where the bits of a value are known from: the data set's Bits Stored, or the precision of the codestream for
   * signed values only, or the precision wherever the codestream's sign is not the data set's.
   */
  readonly bitsFrom: 'data set' | 'codestream if signed' | 'codestream';
}

export interface Codec {
  /** Whether a fragment can be the first of a frame. */
  begins(piece: Uint8Array): boolean;
  decode(frame: CodedFrame): Promise<DecodedSamples>;
}

/** A codestream that cannot be decoded. The message is half a sentence: "its codestream …". */
export class CodestreamError extends Error {}

/** What the codestream's own header says. */
interface Declared {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly precision: number;
}

/** The largest frame that is decompressed: codecs need up to some ten times the memory of the frame. */
export const MOST_PIXELS = 1 << 26;

/** @throws CodestreamError when the codestream's header is not that of the frame. */
export function checkDeclared(declared: Declared, { rows, columns, allocated }: CodedFrame): void {
  if (declared.rows !== rows || declared.columns !== columns) {
    throw new CodestreamError(
      `is of ${declared.rows} rows and ${declared.columns} columns, where the data set says ${rows} and ${columns}`,
    );
  }
  if (declared.components !== 1) {
    throw new CodestreamError(`has ${declared.components} components, where the data set says 1`);
  }
  if (declared.precision > allocated) {
    throw new CodestreamError(
      `has ${declared.precision} bits a sample, where the data set says ${allocated}`,
    );
  }
  if (rows * columns > MOST_PIXELS) {
    throw new CodestreamError(`is of ${rows} × ${columns} pixels, more than are decompressed here`);
  }
}
