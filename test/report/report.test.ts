import fc from 'fast-check';
import { decode } from 'fast-png';
import { parseHTML } from 'linkedom';
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultProtocol } from '../../src/evaluation/evaluation.ts';
import { base64 } from '../../src/report/base64.ts';
import { Html, html } from '../../src/report/html.ts';
import { protocolSentences } from '../../src/report/protocol-text.ts';
import { renderReport } from '../../src/report/report.ts';
import type { StudyReport } from '../../src/report/study.ts';
import { pageColours } from '../../src/report/style.ts';
import { syntheticEvaluation, syntheticStudy } from '../support/study.ts';

let report: StudyReport;
let page: string;
let document: Document;

beforeAll(() => {
  report = syntheticStudy({ gallery: 2, side: 32 });
  page = renderReport(report);
  document = parseHTML(page).document;
});

/** What would make a browser ask for something. */
function references(markup: string): string[] {
  const { document: parsed } = parseHTML(markup);
  const elements = [...parsed.querySelectorAll('*')];
  const attributes = elements.flatMap((element) =>
    ['src', 'href', 'srcset', 'poster', 'data', 'action', 'xlink:href', 'background', 'style'].flatMap(
      (name) => {
        const value = element.getAttribute(name);
        return value === null ? [] : [value];
      },
    ),
  );
  const styles = [...parsed.querySelectorAll('style')].map(({ textContent }) => textContent ?? '');
  const urls = styles.flatMap((style) => style.match(/url\(|@import/g) ?? []);
  return [...attributes.filter((value) => !/^(data:|#)/.test(value)), ...urls];
}

describe('renderReport', () => {
  test('asks for nothing outside itself', () => {
    expect(references(page)).toEqual([]);
    expect(/https?:|["'(]\/\/[a-z]/i.test(page.replaceAll('http://www.w3.org/2000/svg', ''))).toBe(false);
    expect(document.querySelectorAll('script, link, iframe, object, embed')).toHaveLength(0);
    expect(references('<p style="x"><img src="http://a.b/c.png"><style>@import "x"</style>')).toHaveLength(3);
  });

  test('is the same bytes for the same study', () => {
    expect(renderReport(report) === page).toBe(true);
  });

  test('closes every element that it opens', () => {
    const empty = new Set(['meta', 'img', 'input', 'br', 'hr']);
    const open: string[] = [];
    for (const [, closing, name, , selfClosing] of page.matchAll(
      /<(\/?)([a-z][a-z0-9]*)((?:"[^"]*"|[^">])*?)(\/?)>/gi,
    )) {
      if (closing) expect(open.pop()).toBe(name);
      else if (!empty.has(name) && !selfClosing) open.push(name);
    }
    expect(open).toEqual([]);
  });

  test('has one title, headings in order, and ids that are met once', () => {
    expect(document.title).toBe(report.title);
    const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(({ tagName }) => Number(tagName[1]));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [i, level] of levels.entries()) if (i > 0) expect(level - levels[i - 1]).toBeLessThan(2);
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const element of document.querySelectorAll('[aria-labelledby]')) {
      expect(ids).toContain(element.getAttribute('aria-labelledby'));
    }
    for (const link of document.querySelectorAll('nav a')) {
      expect(ids).toContain(link.getAttribute('href')!.slice(1));
    }
  });

  test('answers first and shows a case early', () => {
    const sections = [...document.querySelectorAll('main section')];
    const [results] = sections;
    expect([...results.querySelectorAll('table, img')].map(({ tagName }) => tagName)).toEqual([
      'TABLE',
      'IMG',
    ]);
    expect(sections.map((section) => section.querySelector('h2')!.id)).toEqual([
      'results',
      'examples',
      'layers',
      'encoders',
      'reconstruction',
      'tables',
      'cohort',
      'protocol',
      'settings',
    ]);
  });

  test('says of every figure, picture and table what it is', () => {
    const figures = [...document.querySelectorAll('figure')];
    expect(figures.length).toBeGreaterThan(15);
    for (const figure of figures)
      expect(figure.querySelector('figcaption')!.textContent!.length).toBeGreaterThan(30);
    for (const image of document.querySelectorAll('img')) {
      expect(image.getAttribute('alt')!.length).toBeGreaterThan(20);
    }
    for (const chart of document.querySelectorAll('figure svg[role=img]')) {
      expect(chart.getAttribute('aria-label')).toMatch(/\d\.\d/);
    }
    for (const table of document.querySelectorAll('table')) {
      expect(table.querySelector('caption')!.textContent).toMatch(/^Table \d\. /);
      expect([...table.querySelectorAll('th')].every((header) => header.hasAttribute('scope'))).toBe(true);
      const widths = [...table.querySelectorAll('tr')].map((row) =>
        [...row.children].reduce((sum, cell) => sum + Number(cell.getAttribute('colspan') ?? 1), 0),
      );
      expect(new Set(widths).size).toBe(1);
    }
    const numbers = [...page.matchAll(/<b>Figure (\d+)\.<\/b>/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  test('writes text as text wherever it comes from', () => {
    const attack = '<script>alert("1")</script>&\'';
    const hostile: StudyReport = {
      ...report,
      title: attack,
      notes: [attack],
      cohort: { ...report.cohort, name: attack, splits: [{ ...report.cohort.splits[0], split: attack }] },
      encoders: report.encoders.map((encoder) => ({ ...encoder, name: attack, description: attack })),
      results: report.results.map((result) => ({
        ...result,
        encoder: attack,
        method: attack + result.method,
        ...(result.layer && { layer: attack + result.layer }),
        evaluation: { ...result.evaluation, notes: [attack] },
      })),
      gallery: report.gallery.map((picture) => ({ ...picture, alt: attack, caption: attack })),
      settings: [[attack, attack]],
      versions: [[attack, attack]],
    };
    const { document: parsed } = parseHTML(renderReport(hostile));
    expect(parsed.querySelectorAll('script')).toHaveLength(0);
    expect(parsed.title).toBe(attack);
    expect(parsed.querySelector('h1')!.textContent).toBe(attack);
    expect(parsed.querySelector('img')!.getAttribute('alt')).toBe(attack);
    expect(/<script/i.test(renderReport(hostile))).toBe(false);
  });

  test('holds the tables as files', () => {
    const links = [...document.querySelectorAll('a[download]')];
    const text = (name: string) => {
      const link = links.find((candidate) => candidate.getAttribute('download') === name)!;
      return Buffer.from(link.getAttribute('href')!.split('base64,')[1], 'base64').toString('utf8');
    };
    expect(text('methods.csv').split('\r\n')[0]).toContain('encoder,method,layer,precision,precision_sd');
    expect(text('methods.tex')).toContain('\\toprule');
  });

  test('holds the pictures as they were given', () => {
    const [first] = document.querySelectorAll('img');
    const png = Buffer.from(first.getAttribute('src')!.split('base64,')[1], 'base64');
    expect(png.equals(report.gallery[0].png)).toBe(true);
    expect(decode(png).width).toBe(Number(first.getAttribute('width')));
  });

  test('a study of next to nothing is a page as well', () => {
    const bare: StudyReport = {
      title: 'Nothing yet',
      notes: [],
      cohort: { name: 'None', splits: [] },
      encoders: [],
      results: [],
      gallery: [],
      grids: [],
      settings: [],
      versions: [],
    };
    const { document: parsed } = parseHTML(renderReport(bare));
    expect(parsed.querySelectorAll('table, figure')).toHaveLength(0);
    expect(parsed.querySelector('h1')!.textContent).toBe('Nothing yet');
  });

  test('says an evaluation’s note once, and of which results', () => {
    const [first, ...rest] = report.results;
    const noted = { ...first, evaluation: { ...first.evaluation, notes: ['τ′ was not tuned.'] } };
    const { document: parsed } = parseHTML(renderReport({ ...report, results: [noted, ...rest] }));
    expect(parsed.querySelector('ul.notes')!.textContent).toBe('LayerCAM (layer 1): τ′ was not tuned.');
  });
});

describe('style', () => {
  /** Relative luminance of WCAG 2. */
  function luminance(colour: string): number {
    const [r, g, b] = [1, 3, 5]
      .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function contrast(a: string, b: string): number {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  }

  test('text and lines stand out from their ground in light and in dark', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    for (const mode of [0, 1]) {
      for (const ground of ['page', 'card', 'faint']) {
        for (const text of ['ink', 'muted', 'accent', 'better', 'worse']) {
          expect(contrast(pageColours[text][mode], pageColours[ground][mode])).toBeGreaterThan(4.5);
        }
      }
      for (const [name, pair] of Object.entries(pageColours)) {
        if (!/^series-|tive$/.test(name)) continue;
        expect(contrast(pair[mode], pageColours.card[mode])).toBeGreaterThan(3);
      }
    }
  });
});

describe('html', () => {
  test('escapes text and leaves markup', () => {
    expect(
      html`<p>${'<b> & "c"'}${html`<i>${1}</i>`}${undefined}${false}${['x', html`<br>`]}</p>`.markup,
    ).toBe('<p>&lt;b&gt; &amp; &quot;c&quot;<i>1</i>x<br></p>');
    expect(`${new Html('<b>')}`).toBe('<b>');
  });
});

describe('base64', () => {
  test('is that of Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
  });
});

describe('protocolSentences', () => {
  const evaluation = syntheticEvaluation(0.5, 0.4, 1);

  test('says the settings', () => {
    const text = protocolSentences({
      ...evaluation,
      settings: { ...defaultProtocol, folds: 7, sensitivityWeight: 5, grid: 20, resamples: 500 },
    }).join(' ');
    expect(text).toContain('7 folds');
    expect(text).toContain('(5 · sensitivity + specificity) / 6');
    expect(text).toContain('at most 5 masks');
    expect(text).toContain('greater than 1/8');
    expect(text).toContain('500 resamplings');
  });

  test('says what was not there', () => {
    expect(protocolSentences({ ...evaluation, truth: 'boxes' }).join(' ')).toContain('at most 5 boxes');
    const none = protocolSentences({ ...evaluation, truth: 'none' }).join(' ');
    expect(none).toContain('0.5 · τ');
    expect(none).not.toContain('1/8');
  });
});
