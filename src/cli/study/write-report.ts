/** The report of a study: gathered from its folder, written into it, and told on the terminal. */
import { join } from 'node:path';
import { renderReport } from '../../report/report.ts';
import { tableCsv } from '../../report/table-csv.ts';
import { tableLatex } from '../../report/table-latex.ts';
import { studyTables } from '../../report/tables.ts';
import { evaluationTable } from '../evaluation-table.ts';
import { prepareFolder, writeWhole } from '../files.ts';
import type { Run } from '../run.ts';
import { gatherStudy } from './gather.ts';
import type { StudySeries } from './stored.ts';

const REPORT = 'report.html';
const TABLES = 'tables';

export interface WrittenReport {
  /** Relative to the study, like the tables. */
  readonly report: string;
  readonly tables: readonly string[];
  readonly series: readonly StudySeries[];
  /** Of all steps, when they were taken. */
  readonly seconds: number;
}

/** Writes report.html and the tables. @throws TonnoError when the folder holds no study, or parts of it are gone. */
export async function writeReport(study: string, run: Run): Promise<WrittenReport> {
  const { report, series, seconds } = await gatherStudy(study, run);
  const text = new TextEncoder();
  const files: Record<string, Uint8Array> = { [REPORT]: text.encode(renderReport(report)) };
  for (const table of studyTables(report)) {
    files[`${TABLES}/${table.id}.csv`] = text.encode(tableCsv(table));
    files[`${TABLES}/${table.id}.tex`] = text.encode(tableLatex(table));
  }
  await prepareFolder(join(study, TABLES));
  await writeWhole(
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [join(study, name), bytes])),
  );
  const tables = Object.keys(files).filter((name) => name !== REPORT);
  return { report: REPORT, tables, series, seconds };
}

/** Prints the numbers and where the report is. */
export function tellStudy(command: string, study: string, written: WrittenReport, { terminal }: Run): void {
  const { report, series, tables, seconds } = written;
  const encoders = [...new Set(series.map(({ encoder }) => encoder))];
  for (const encoder of encoders) {
    terminal.print(encoder);
    for (const line of evaluationTable(series.filter((one) => one.encoder === encoder))) terminal.print(line);
  }
  terminal.print(join(study, report));
  terminal.result({
    command,
    study,
    report: join(study, report),
    tables: tables.map((name) => join(study, name)),
    results: series.map(({ encoder, title, method, cam, layer, evaluation: { summary } }) => ({
      encoder,
      title,
      method,
      cam,
      layer,
      summary,
    })),
    seconds: Math.round(seconds * 10) / 10,
  });
}
