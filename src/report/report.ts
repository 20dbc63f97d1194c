/**
 * The report of a whole study: one HTML file that needs nothing else, to be read on a screen, a phone or paper. It is
 * made of sections, each of which is left out when the study has nothing for it; the first answers how good the methods
 * are, the second shows it, the rest is for those who want to know more. Same study, same bytes.
 */
import { metrics } from '../evaluation/evaluation.ts';
import { VERSION } from '../version.ts';
import { base64, textUrl } from './base64.ts';
import type { Chart } from './chart.ts';
import { studyCharts } from './charts.ts';
import { Html, html } from './html.ts';
import { protocolSentences } from './protocol-text.ts';
import { resultTitle } from './results.ts';
import type { Picture, StudyEncoder, StudyReport } from './study.ts';
import { reportStyle } from './style.ts';
import { tableCsv } from './table-csv.ts';
import { tableHtml } from './table-html.ts';
import { tableLatex } from './table-latex.ts';
import { type StudyTablesOptions, studyTables, type Table } from './tables.ts';

interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: readonly Html[];
}

/** @returns an HTML document without references to anything outside it. */
export function renderReport(report: StudyReport, options: StudyTablesOptions = {}): string {
  const sections = reportSections(report, options).filter(({ content }) => content.length > 0);
  const { title, notes, cohort } = report;
  const lead = [cohort.name, cohort.modality, cohort.volumes].filter(Boolean).join(' · ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="tonno ${VERSION}">
<title>${title}</title>
<style>${new Html(reportStyle)}</style>
</head>
<body>
<header>
<div class="top"><h1>${title}</h1>${themeButtons()}</div>
<p class="lead">${lead}</p>
${notes.map((note) => html`<p>${note}</p>\n`)}<nav aria-label="Sections"><ul>${sections.map(
    ({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`,
  )}</ul></nav>
</header>
<main>
${sections.map(
  ({ id, title: name, content }) => html`<section aria-labelledby="${id}">
<h2 id="${id}">${name}</h2>
${content.map((part) => html`${part}\n`)}</section>
`,
)}</main>
<footer>Made by tonno ${VERSION}.</footer>
</body>
</html>
`;
  return page.markup;
}

function themeButtons(): Html {
  const choices = ['System', 'Light', 'Dark'].map(
    (name, i) =>
      html`<label><input type="radio" name="theme" id="theme-${name.toLowerCase()}"${i === 0 && html` checked`}>${name}</label>`,
  );
  return html`<fieldset class="theme"><legend class="hidden">Colours</legend>${choices}</fieldset>`;
}

function reportSections(report: StudyReport, options: StudyTablesOptions): Section[] {
  const tables = studyTables(report, options);
  const charts = studyCharts(report);
  const counter = new Counter();
  const table = (id: string) =>
    tables
      .filter((candidate) => candidate.id === id)
      .map((found) => tableFigure(found, counter.next('Table')));
  const chartPairs = (list: readonly Chart[]) =>
    list.length > 0
      ? [html`<div class="pair">${list.map((chart) => chartFigure(chart, counter))}</div>`]
      : [];
  const pictures = (list: readonly Picture[]) => list.map((picture) => pictureFigure(picture, counter));
  const [first, ...others] = report.gallery;
  return [
    {
      id: 'results',
      title: 'Results',
      content: [...table('methods'), ...noteList(report), ...(first ? pictures([first]) : [])],
    },
    {
      id: 'examples',
      title: 'Examples',
      content: others.length > 0 ? [html`<div class="pair">${pictures(others)}</div>`] : [],
    },
    {
      id: 'layers',
      title: 'Methods and layers',
      content: [
        ...(report.comparison ? pictures([report.comparison]) : []),
        ...chartPairs(charts.layers),
        ...chartPairs(charts.froc),
      ],
    },
    {
      id: 'encoders',
      title: report.encoders.length > 1 ? 'Encoders' : 'Encoder',
      content: [
        ...encoderList(report.encoders),
        ...table('encoders'),
        ...chartPairs([...charts.training, ...charts.logits]),
        ...pictures(report.encoders.flatMap(({ profiles }) => profiles ?? [])),
      ],
    },
    { id: 'reconstruction', title: 'Slices, angles and seeds', content: pictures(report.grids) },
    { id: 'tables', title: 'All numbers', content: [...table('layers'), ...table('further')] },
    { id: 'cohort', title: 'Cohort', content: table('cohort') },
    { id: 'protocol', title: 'How it was measured', content: protocolContent(report) },
    {
      id: 'settings',
      title: 'Settings and versions',
      content: [...facts('Settings', report.settings), ...facts('Software and machine', report.versions)],
    },
  ];
}

/** Numbers tables and figures in the order in which they stand in the page. */
class Counter {
  readonly #counts = new Map<string, number>();

  next(kind: 'Table' | 'Figure'): string {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return `${kind} ${count}`;
  }
}

function tableFigure(table: Table, label: string): Html {
  const files = [
    { name: 'CSV', file: `${table.id}.csv`, url: textUrl('text/csv', tableCsv(table)) },
    { name: 'LaTeX', file: `${table.id}.tex`, url: textUrl('application/x-tex', tableLatex(table)) },
  ];
  return html`<figure class="card">
${tableHtml(table, label)}
<figcaption>${table.caption}</figcaption>
<p class="files">This table as ${files.map(
    ({ name, file, url }, i) => html`${i > 0 && ', '}<a download="${file}" href="${url}">${name}</a>`,
  )}</p>
</figure>`;
}

function chartFigure({ title, caption, svg, legend }: Chart, counter: Counter): Html {
  return html`<figure class="chart card">
<p class="chart-title">${title}</p>
${new Html(svg)}
<ul class="legend">${legend.map(({ key, name }) => html`<li>${new Html(key)}<span>${name}</span></li>`)}</ul>
<figcaption><b>${counter.next('Figure')}.</b> ${caption}</figcaption>
</figure>`;
}

function pictureFigure({ png, width, height, alt, caption }: Picture, counter: Counter): Html {
  const url = `data:image/png;base64,${base64(png)}`;
  return html`<figure>
<div class="picture"><img src="${url}" width="${width}" height="${height}" alt="${alt}"></div>
<figcaption><b>${counter.next('Figure')}.</b> ${caption}</figcaption>
</figure>`;
}

/** What the evaluations want their readers to know, each sentence once, with the results it is about. */
function noteList({ results }: StudyReport): Html[] {
  const about = new Map<string, string[]>();
  for (const result of results) {
    for (const note of result.evaluation.notes)
      about.set(note, [...(about.get(note) ?? []), resultTitle(result)]);
  }
  if (about.size === 0) return [];
  const items = [...about].map(([note, titles]) => {
    const who = titles.length === results.length ? undefined : [...new Set(titles)].join(', ');
    return html`<li>${who && html`<b>${who}:</b> `}${note}</li>`;
  });
  return [html`<ul class="notes">${items}</ul>`];
}

function encoderList(encoders: readonly StudyEncoder[]): Html[] {
  if (encoders.length === 0) return [];
  return [
    html`<dl>${encoders.map(({ name, description }) => html`<dt>${name}</dt><dd>${description}</dd>`)}</dl>`,
  ];
}

function protocolContent({ results }: StudyReport): Html[] {
  const evaluation = results[0]?.evaluation;
  const terms = Object.values(metrics).map(({ title, about }) => html`<dt>${title}</dt><dd>${about}</dd>`);
  return [
    ...(evaluation ? [html`<p>${protocolSentences(evaluation).join(' ')}</p>`] : []),
    html`<h3>Metrics</h3>\n<dl>${terms}</dl>`,
  ];
}

/** Longer lists than this are folded away. */
const LONG = 8;

function facts(title: string, list: readonly (readonly [name: string, value: string])[]): Html[] {
  if (list.length === 0) return [];
  const terms = html`<dl>${list.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
  return [
    list.length > LONG
      ? html`<details><summary>${title} (${list.length})</summary>${terms}</details>`
      : html`<h3>${title}</h3>\n${terms}`,
  ];
}
