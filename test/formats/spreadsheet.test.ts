import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseText } from '../../src/formats/spreadsheet/text.ts';
import { XmlReader } from '../../src/formats/spreadsheet/xml.ts';
import { unpackEntry, zipEntries } from '../../src/formats/spreadsheet/zip.ts';
import { decodeTable, hasColumn, namedRows } from '../../src/formats/spreadsheet.ts';
import { zipArchive } from '../support/zip.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const cells = async (text: string | Uint8Array) =>
  (await decodeTable(typeof text === 'string' ? bytes(text) : text, 'table')).rows.map((row) => row.cells);
const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../fixtures/duke/${name}`, import.meta.url)));

/** An .xlsx file with a sheet of this XML. */
function workbook(sheet: string, more: Record<string, string> = {}, wrong = {}): Uint8Array {
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  return zipArchive(
    {
      'xl/workbook.xml': bytes(
        `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
      ),
      'xl/_rels/workbook.xml.rels': bytes(
        `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
      ),
      'xl/worksheets/sheet1.xml': bytes(
        `<worksheet xmlns="${main}"><sheetData>${sheet}</sheetData></worksheet>`,
      ),
      ...Object.fromEntries(Object.entries(more).map(([name, text]) => [name, bytes(text)])),
    },
    wrong,
  );
}

describe('text', () => {
  test.each([
    ['commas', 'a,b\n1,"x, y"\n'],
    ['semicolons', 'a;b\n1;x, y\n'],
    ['tabs', 'a\tb\r\n1\tx, y\r\n'],
    ['a byte order mark', '\ufeffa,b\n1,"x, y"'],
    ['spaces and blank lines', '\n a , b \n,\n1 ,"x, y"\n\n'],
  ])('with %s is a table', async (_, text) => {
    expect(await cells(text)).toEqual([
      ['a', 'b'],
      ['1', 'x, y'],
    ]);
  });

  test('is read in the encodings of spreadsheets', async () => {
    const expected = [['Größe', '5"']];
    expect(await cells('Größe\t5"')).toEqual(expected);
    expect(await cells(Uint8Array.from('Gr\xf6\xdfe\t5"', (c) => c.charCodeAt(0)))).toEqual(expected);
    for (const little of [true, false]) {
      const text = '\ufeffGröße\t5"';
      const view = new DataView(new ArrayBuffer(2 * text.length));
      for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), little);
      expect(await cells(new Uint8Array(view.buffer))).toEqual(expected);
    }
  });

  test('keeps line numbers, also behind cells of several lines', async () => {
    const { rows } = await decodeTable(bytes('a,b\n\n"x\ny",2\n3,4\n'), 'table');
    expect(rows.map(({ line, cells: [first] }) => [line, first])).toEqual([
      [1, 'a'],
      [4, 'x\ny'],
      [5, '3'],
    ]);
  });

  test('is the same in pieces of any length', () => {
    const row = fc.array(fc.constantFrom('a', '"x\ny"', '"b, c"', '5', ' d '), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        (table, piece) => {
          const text = table.map((row) => `${row.join()}\n`).join('');
          const expected = [];
          let line = 0;
          for (const row of table) {
            line += 1 + row.filter((cell) => cell.includes('\n')).length;
            expected.push({ line, cells: row.map((cell) => cell.replaceAll('"', '').trim()) });
          }
          expect(parseText(text, 'table', () => true, piece)).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('that spreadsheets write comes back', async () => {
    const cell = fc
      .string({ unit: fc.constantFrom('a', ' ', '"', ',', ';', '\n', 'é', '7') })
      .map((text) => text.trim());
    const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(table, async (rows) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = [['h1', 'h2', 'h3'], ...rows].map((row) => row.map(quoted).join()).join('\n');
        const filled = rows.filter((row) => row.some((value) => value !== ''));
        expect((await cells(text)).slice(1)).toEqual(filled);
      }),
    );
  });

  test.each([
    [new Uint8Array(0), 'table: The table is empty.'],
    [bytes(' \n,,\n'), 'table: The table is empty.'],
    [
      Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1),
      'table: This is an old .xls file, or an .xlsx file with a password.',
    ],
    [Uint8Array.of(1, 0, 2, 0), 'table: This is neither an .xlsx file nor text.'],
    [bytes('a,"b\n1,2\n'), 'table: It cannot be read as a table of text. Quote Not Closed'],
  ])('and other bytes are refused: %#', async (content, message) => {
    await expect(decodeTable(content, 'table')).rejects.toThrow(message);
  });

  test('that is larger than it may be is refused', async () => {
    await expect(decodeTable(bytes('a,b\n'.repeat(600_000)), 'table', { maxBytes: 2 ** 20 })).rejects.toThrow(
      'table: The table is 3 MiB large; no more than 1 MiB are read.',
    );
  });
});

describe('workbooks', () => {
  test('by openpyxl are read, whatever they are called', async () => {
    const table = await decodeTable(fixture('Clinical_and_Other_Features.xlsx'), 'table.csv');
    expect(table.rows.slice(0, 2).map(({ line, cells: row }) => [line, row.slice(0, 5)])).toEqual([
      [1, ['Patient Information', 'MRI Technical Information', '', '', 'Tumor Characteristics']],
      [
        2,
        [
          'Patient ID',
          'Days to MRI (From the Date of Diagnosis)',
          'Manufacturer',
          'Field Strength (Tesla)',
          'ER',
        ],
      ],
    ]);
    const rows = namedRows(
      table,
      ['patient id', 'Contralateral Breast Involvement'],
      ['Field Strength (Tesla)'],
    );
    expect(
      rows.slice(1).map(({ get }) => [get('patient id'), get('Contralateral Breast Involvement')]),
    ).toEqual([
      ['Breast_MRI_001', '0'],
      ['Breast_MRI_002', '1'],
      ['Breast_MRI_003', 'NC'],
      ['Breast_MRI_004', '0'],
      ['Breast_MRI_005', '0'],
    ]);
    expect(rows[1].get('Field Strength (Tesla)')).toBe('1.494');
    expect(rows[1].line).toBe(4);
  });

  test('have cells of all kinds, dates, and gaps', async () => {
    const sheet =
      '<row r="2"><c r="B2" t="inlineStr"><is><t> x </t></is></c><c r="D2"><v>0.1</v></c></row><row r="4"><c r="A4" t="b"><v>1</v></c><c r="B4" s="1"><v>43832</v></c><c r="C4" t="str"><f>A1</f><v>y</v></c></row>';
    const styles =
      '<styleSheet><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>';
    const { rows } = await decodeTable(workbook(sheet, { 'xl/styles.xml': styles }), 'table');
    expect(rows).toEqual([
      { line: 2, cells: ['', 'x', '', '0.1'] },
      // 43832 days after 30 December 1899.
      { line: 4, cells: ['TRUE', '2020-01-02', 'y'] },
    ]);
  });

  test('that are damaged are refused with a sentence', async () => {
    const whole = fixture('Annotation_Boxes.xlsx');
    const refused = 'table: It cannot be read as an .xlsx file: it is damaged, or something else.';
    const flipped = whole.slice();
    // A bit of a packed sheet, which still unpacks to something.
    const [sheetEntry] = zipEntries(whole).filter(({ name }) => name.endsWith('sheet1.xml'));
    flipped[sheetEntry.offset + 30 + sheetEntry.name.length + 200] ^= 1;
    const sheet = '<row r="1"><c r="A1" t="s"><v>9</v></c></row>';
    const numbers = '<row><c><v>1</v></c></row>';
    expect((await decodeTable(workbook(numbers), 'table')).rows).toHaveLength(1);
    for (const [name, content] of Object.entries({
      cut: whole.subarray(0, whole.length >> 1),
      flipped,
      other: zipArchive({ mimetype: bytes('application/vnd.oasis.opendocument.spreadsheet') }),
      checksum: workbook(numbers, {}, { sum: 1 }),
      reference: workbook(sheet),
      unclosed: workbook('<row r="1"><c r="A1"><v>1</v></c></row'),
      number: workbook('<row><c><v>1x</v></c></row>'),
    })) {
      await expect(decodeTable(content, 'table'), name).rejects.toThrow(refused);
    }
  });

  test('never crash, whatever bytes are turned', async () => {
    const whole = fixture('Annotation_Boxes.xlsx');
    const places = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(places, fc.nat(whole.length), async (changes, cut) => {
        const bad = whole.slice(0, cut % 3 === 0 ? cut : whole.length);
        for (const [place, value] of changes) if (place < bad.length) bad[place] = value;
        await decodeTable(bad, 'table').catch((error) => {
          expect(error.name).toBe('TonnoError');
          expect(error.message).toMatch(/^table: [A-Z].*\.$/);
        });
      }),
      { numRuns: 150 },
    );
  });

  test('that unpack to too much are refused before they do', async () => {
    const bomb = workbook(`<row r="1"><c r="A1"><v>${'7'.repeat(3 * 2 ** 20)}</v></c></row>`);
    expect(bomb.length).toBeLessThan(10_000);
    await expect(decodeTable(bomb, 'table', { maxBytes: 2 ** 20 })).rejects.toThrow(
      'table: It unpacks to 4 MiB; no more than 1 MiB are read.',
    );
  });

  test('whose archive says less than it unpacks to are refused', async () => {
    const text = `<worksheet>${' '.repeat(2 ** 20)}</worksheet>`;
    const lying = zipArchive({ 'xl/worksheets/sheet1.xml': bytes(text) }, { size: 100 });
    await expect(decodeTable(lying, 'table')).rejects.toThrow('table: It cannot be read as an .xlsx file');
    // The rest of what it unpacks to is not even looked at.
    const [entry] = zipEntries(lying);
    let seen = 0;
    const unpacked = unpackEntry(lying, entry, (piece) => {
      seen += piece.length;
    });
    await expect(unpacked).rejects.toThrow('xl/worksheets/sheet1.xml unpacks to more than 100 bytes.');
    expect(seen).toBe(0);
  });

  test('with a lone cell at the far corner have no rows between, and many of them are refused', async () => {
    const far = (row: number) => `<row r="${row}"><c r="XFD${row}"><v>2</v></c></row>`;
    const table = await decodeTable(
      workbook(`<row r="1"><c r="A1"><v>1</v></c></row>${far(1048576)}`),
      'table',
    );
    expect(table.rows.map(({ line, cells: row }) => [line, row.length, row.at(-1)])).toEqual([
      [1, 1, '1'],
      [1048576, 16384, '2'],
    ]);
    const many = workbook(Array.from({ length: 2049 }, (_, i) => far(i + 1)).join(''));
    expect(many.length).toBeLessThan(20_000);
    const nothing = decodeTable(many, 'table', { keep: () => false });
    await expect(nothing).rejects.toThrow('table: Its sheet has more than 33554432 cells.');
    await expect(decodeTable(workbook('<row><c r="XFE1"><v>1</v></c></row>'), 'table')).rejects.toThrow(
      'damaged',
    );
  });

  test('of several sheets are read as the first one, wherever it lies', async () => {
    const more = {
      'xl/workbook.xml':
        '<x:workbook xmlns:x="m" xmlns:r="r"><x:sheets><x:sheet r:id="rId7" name="Data"/><x:sheet r:id="rId1" name="B"/></x:sheets></x:workbook>',
      'xl/_rels/workbook.xml.rels':
        '<Relationships><Relationship Target="worksheets/sheet1.xml" Id="rId1"/><Relationship Id=\'rId7\' Target="/xl/worksheets/b.xml"/></Relationships>',
      'xl/worksheets/b.xml':
        '<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c t="s"><x:v>1</x:v></x:c><x:c t="s"><x:v>0</x:v></x:c></x:row></x:sheetData></x:worksheet>',
      'xl/sharedStrings.xml':
        '<sst><si><t xml:space="preserve">a &amp; b&#x21;_x000D_</t></si><si><r><t>ri</t></r><r><rPr><b/></rPr><t>ch</t></r><rPh sb="0" eb="1"><t>no</t></rPh></si></sst>',
    };
    const { rows } = await decodeTable(workbook('', more), 'table');
    expect(rows).toEqual([{ line: 1, cells: ['rich', 'a & b!'] }]);
  });

  test('have few rows in memory where few are wanted', async () => {
    const sheet = Array.from({ length: 5000 }, (_, i) => `<row><c><v>${i}</v></c></row>`).join('');
    const { rows } = await decodeTable(workbook(sheet), 'table', { keep: ([cell]) => cell.endsWith('77') });
    expect(rows).toHaveLength(50);
    expect(rows[1]).toEqual({ line: 178, cells: ['177'] });
  });
});

describe('XML', () => {
  const events = (pieces: readonly string[]) => {
    const seen: string[] = [];
    let text = '';
    const flush = () => {
      if (text !== '') seen.push(text);
      text = '';
    };
    const reader = new XmlReader({
      open: (name, attribute) => {
        flush();
        seen.push(`<${name} ${attribute('a')}`);
      },
      close: (name) => {
        flush();
        seen.push(`>${name}`);
      },
      text: (part) => {
        text += part;
      },
    });
    for (const piece of pieces) reader.write(piece);
    reader.end();
    return seen;
  };
  const document =
    '<?xml version="1.0"?><!-- <no> --><x:r xmlns:x="u" a = "1>2"><c a=\'&quot;&#65;\'/>t&lt;<![CDATA[<&amp;]]>u<c ba="no"></c></x:r>\n';

  test('is the same however it is cut', () => {
    const whole = ['<r 1>2', '<c "A', '>c', 't<<&amp;u', '<c undefined', '>c', '>r'];
    expect(events([document])).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(document.length), { maxLength: 8 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), document.length];
        expect(events(places.slice(1).map((end, i) => document.slice(places[i], end)))).toEqual(whole);
      }),
    );
    expect(events([...document])).toEqual(whole);
  });

  test.each([
    ['<a>', 'It is cut off.'],
    ['<a/><b', 'It is cut off.'],
    ['</a>', 'There is an end of a without a beginning.'],
    ['<!DOCTYPE lolz [<!ENTITY lol "lol">]><a/>', 'It has declarations, which no spreadsheet has.'],
    [`<a b="${' '.repeat(2 ** 20)}`, 'There is a tag or a text that does not end.'],
  ])('that is none is refused: %#', (text, message) => {
    expect(() => events([text])).toThrow(message);
  });
});

describe('columns', () => {
  const table = (text: string) => decodeTable(bytes(text), 'table');

  test('are found below other rows, however they are written', async () => {
    const found = await table('Group,,\npatient_id,START row,x\n,legend,\nP1,3,4\n');
    const rows = namedRows(found, ['Patient ID', 'Start Row'], ['missing']);
    expect(rows.map(({ line, get }) => [line, get('Patient ID'), get('Start Row'), get('missing')])).toEqual([
      [3, '', 'legend', ''],
      [4, 'P1', '3', ''],
    ]);
    expect([hasColumn(found, 'startrow'), hasColumn(found, 'end')]).toEqual([true, false]);
  });

  test('that are missing or there twice are named', async () => {
    const found = await table('Patient ID,a,A\n1,2,3\n');
    expect(() => namedRows(found, ['Patient ID', 'b', 'c'])).toThrow(
      'table: There is no column "b" and no column "c". The columns are "Patient ID", "a", "A".',
    );
    expect(() => namedRows(found, ['a'])).toThrow('table: There are two columns "a".');
    expect(() => namedRows(found, ['Patient ID'], ['a'])).toThrow('table: There are two columns "a".');
  });
});
