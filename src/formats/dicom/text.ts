/**
 * Text in DICOM is bytes in the character sets that the data set names (PS3.3 C.12.1.1.2). Most name one, which a
 * TextDecoder knows. With several, text begins in the first and changes by escape sequences (ISO 2022): each run between
 * two of them is decoded by the set that was chosen last.
 */

/** Labels of TextDecoder by defined term, without and with code extensions. */
const LABELS: Readonly<Record<string, string>> = {
  '': 'latin1',
  'ISO_IR 6': 'latin1',
  'ISO_IR 100': 'latin1',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 148': 'windows-1254',
  'ISO_IR 203': 'iso-8859-15',
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 192': 'utf-8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

interface Run {
  readonly label: string;
  /** Sets in seven bits are read as their twins in eight bits, or behind an escape that TextDecoder knows. */
  readonly prepare?: (bytes: Uint8Array) => Uint8Array;
}

const withHighBits = (prefix: readonly number[]) => (bytes: Uint8Array) => {
  const pairs: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const paired = bytes[i] > 0x20 && i + 1 < bytes.length;
    if (paired) pairs.push(...prefix, bytes[i] | 0x80, bytes[++i] | 0x80);
    else pairs.push(bytes[i]);
  }
  return Uint8Array.from(pairs);
};

/** What follows the byte 1B, and how the text behind it is read (PS3.3 tables C.12-3 and C.12-4). */
const ESCAPES: Readonly<Record<string, Run>> = {
  '(B': { label: 'latin1' },
  '-A': { label: 'latin1' },
  '-B': { label: 'iso-8859-2' },
  '-C': { label: 'iso-8859-3' },
  '-D': { label: 'iso-8859-4' },
  '-L': { label: 'iso-8859-5' },
  '-G': { label: 'iso-8859-6' },
  '-F': { label: 'iso-8859-7' },
  '-H': { label: 'iso-8859-8' },
  '-M': { label: 'windows-1254' },
  '-b': { label: 'iso-8859-15' },
  '-T': { label: 'windows-874' },
  '(J': { label: 'shift_jis' },
  ')I': { label: 'shift_jis' },
  $B: { label: 'euc-jp', prepare: withHighBits([]) },
  '$@': { label: 'euc-jp', prepare: withHighBits([]) },
  '$(D': { label: 'euc-jp', prepare: withHighBits([0x8f]) },
  '$)C': { label: 'euc-kr' },
  '$)A': { label: 'gbk' },
};

const ESCAPE = 0x1b;

/**
 * Bytes of text as a string, padding included.
 * @param sets the values of Specific Character Set (0008,0005); none for the default repertoire.
 */
export function decodeText(bytes: Uint8Array, sets: readonly string[]): string {
  // "ISO 2022 IR 100" is "ISO_IR 100" with permission to change sets.
  const first = (sets[0] ?? '').replace('ISO 2022 IR', 'ISO_IR').replace('ISO-IR', 'ISO_IR');
  const label = LABELS[first] ?? 'latin1';
  if (sets.length < 2 && !(sets[0] ?? '').startsWith('ISO 2022')) return decode(bytes, { label });
  let text = '';
  let run: Run = { label };
  let start = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== ESCAPE) continue;
    const code = [2, 3].map((length) => String.fromCharCode(...bytes.subarray(i + 1, i + 1 + length)));
    const known = code.find((candidate) => ESCAPES[candidate]);
    if (!known) continue;
    text += decode(bytes.subarray(start, i), run);
    run = ESCAPES[known];
    start = i + 1 + known.length;
    i = start - 1;
  }
  return text + decode(bytes.subarray(start), run);
}

const decoders = new Map<string, TextDecoder>();

function decode(bytes: Uint8Array, { label, prepare }: Run): string {
  if (bytes.length === 0) return '';
  let decoder = decoders.get(label);
  if (!decoder) {
    decoder = new TextDecoder(label);
    decoders.set(label, decoder);
  }
  return decoder.decode(prepare ? prepare(bytes) : bytes);
}
