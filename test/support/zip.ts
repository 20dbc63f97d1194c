/** ZIP archives, right or wrong as they are asked for. */
import { crc32, deflateRawSync } from 'node:zlib';

/**
 * An archive of deflated files.
 * @param wrong what the archive says of each: its size, and its checksum; default: the truth.
 */
export function zipArchive(
  files: Readonly<Record<string, Uint8Array>>,
  { size, sum }: { readonly size?: number; readonly sum?: number } = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  const contents: Uint8Array[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const [packed, title] = [deflateRawSync(bytes), new TextEncoder().encode(name)];
    const common = (view: DataView, at: number) => {
      view.setUint16(at, 20, true);
      view.setUint16(at + 4, 8, true);
      view.setUint32(at + 10, sum ?? crc32(bytes), true);
      view.setUint32(at + 14, packed.length, true);
      view.setUint32(at + 18, size ?? bytes.length, true);
      view.setUint16(at + 22, title.length, true);
    };
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    common(local, 4);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true);
    common(entry, 6);
    entry.setUint32(42, offset, true);
    parts.push(new Uint8Array(local.buffer), title, packed);
    contents.push(new Uint8Array(entry.buffer), title);
    offset += 30 + title.length + packed.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  const count = Object.keys(files).length;
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, count, true);
  end.setUint16(10, count, true);
  end.setUint32(
    12,
    contents.reduce((sum, part) => sum + part.length, 0),
    true,
  );
  end.setUint32(16, offset, true);
  return new Uint8Array(Buffer.concat([...parts, ...contents, new Uint8Array(end.buffer)]));
}
