/**
 * XML piece by piece, as far as spreadsheets use it: elements, their attributes and text. A sheet can be longer than any
 * text that an engine holds, so nothing but the tag or text at hand is kept.
 */

export interface XmlHandlers {
  /** @param name without the prefix of its namespace. */
  open?(name: string, attribute: (name: string) => string | undefined): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** Of a tag or a run of text; a cell holds no more than 32 767 characters. */
const LONGEST = 2 ** 20;
const TAG = /<(\/?)(?:[^\s/>:]*:)?([^\s/>:]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>/y;
const ASIDES = [
  ['<!--', '-->'],
  ['<?', '?>'],
] as const;
const RAW = '<![CDATA[';
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export class XmlReader {
  readonly #handlers: XmlHandlers;
  #rest = '';
  #depth = 0;

  constructor(handlers: XmlHandlers) {
    this.#handlers = handlers;
  }

  /** @throws Error when it is no XML. */
  write(piece: string): void {
    const text = this.#rest + piece;
    let at = 0;
    for (;;) {
      const next = this.#step(text, at);
      if (next < 0) break;
      at = next;
    }
    this.#rest = text.slice(at);
    if (this.#rest.length > LONGEST) throw new Error('There is a tag or a text that does not end.');
  }

  /** @throws Error when something is left open. */
  end(): void {
    if (this.#depth !== 0 || this.#rest.trim() !== '') throw new Error('It is cut off.');
  }

  /** Reads what stands at a place. @returns the place behind it; −1 when more of the text is needed. */
  #step(text: string, at: number): number {
    if (text[at] !== '<') {
      const tag = text.indexOf('<', at);
      if (tag < 0) return -1;
      this.#handlers.text?.(decoded(text.slice(at, tag)));
      return tag;
    }
    if (text.startsWith('<!', at)) {
      // Too short to tell what it is.
      if (text.length - at < RAW.length) return -1;
      if (text.startsWith(RAW, at)) {
        const end = text.indexOf(']]>', at);
        if (end >= 0) this.#handlers.text?.(text.slice(at + RAW.length, end));
        return end < 0 ? -1 : end + 3;
      }
      if (!text.startsWith('<!--', at)) throw new Error('It has declarations, which no spreadsheet has.');
    }
    for (const [start, stop] of ASIDES) {
      if (!text.startsWith(start, at)) continue;
      const end = text.indexOf(stop, at + start.length);
      return end < 0 ? -1 : end + stop.length;
    }
    TAG.lastIndex = at;
    const match = TAG.exec(text);
    if (!match) return -1;
    const [whole, closing, name, attributes, empty] = match;
    if (closing) this.#depth--;
    else {
      this.#handlers.open?.(name, (wanted) => attributeOf(attributes, wanted));
      if (!empty) this.#depth++;
    }
    if (closing || empty) this.#handlers.close?.(name);
    if (this.#depth < 0) throw new Error(`There is an end of ${name} without a beginning.`);
    return at + whole.length;
  }
}

const PATTERNS = new Map<string, RegExp>();

function attributeOf(attributes: string, name: string): string | undefined {
  let pattern = PATTERNS.get(name);
  if (!pattern) {
    pattern = new RegExp(`\\s(?:[\\w.-]+:)?${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`);
    PATTERNS.set(name, pattern);
  }
  const match = pattern.exec(attributes);
  return match ? decoded(match[1] ?? match[2]) : undefined;
}

function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
