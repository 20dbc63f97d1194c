/**
 * A table as HTML: rows of one group under a heading of their own, the first cells of a row its header, spread set small
 * below its mean. A table wider than the screen scrolls in a box of its own that the keyboard reaches.
 */
import { Html, html } from './html.ts';
import {
  formatDifference,
  formatMetric,
  isMetric,
  type MetricCell,
  type Table,
  type TableCell,
  type TableColumn,
} from './tables.ts';

/** Stands where there is no value. */
const MISSING = '–';

interface ShownColumn {
  readonly column: TableColumn;
  readonly index: number;
  /** Index of the column that is set in parentheses behind it. */
  readonly aside?: number;
}

/** @param label what stands before the title in the caption: "Table 1". */
export function tableHtml(table: Table, label?: string): Html {
  const { id, title, columns, rows, grouped, intervals } = table;
  const shown = columns.flatMap((column, index): ShownColumn[] => {
    if (column.aside || (grouped && index === 0)) return [];
    return [{ column, index, ...(columns[index + 1]?.aside && { aside: index + 1 }) }];
  });
  const groups = grouped ? [...new Set(rows.map(([group]) => group))] : [undefined];
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="table-${id}-caption">
<table id="table-${id}">
<caption id="table-${id}-caption">${label && html`<b>${label}.</b> `}${title}</caption>
<thead><tr>${shown.map(
    ({ column }) =>
      html`<th scope="col"${column.kind !== 'text' && html` class="number"`}>${column.title}</th>`,
  )}</tr></thead>
${groups.map((group) => {
  const members = grouped ? rows.filter(([name]) => name === group) : rows;
  return html`<tbody>
${groups.length > 1 && html`<tr><th class="group" scope="rowgroup" colspan="${shown.length}">${group as string}</th></tr>\n`}${members.map(
  (row) => html`<tr>${shown.map((column) => cellHtml(row, column, intervals))}</tr>\n`,
)}</tbody>`;
})}
</table>
</div>`;
}

function cellHtml(
  row: readonly TableCell[],
  { column, index, aside }: ShownColumn,
  intervals: boolean,
): Html {
  const cell = row[index];
  if (column.kind === 'text') {
    const beside = aside === undefined ? undefined : row[aside];
    const layer = beside === undefined ? undefined : html` <span class="aside">(${beside as string})</span>`;
    return html`<th scope="row">${cell === undefined ? MISSING : (cell as string)}${layer}</th>`;
  }
  if (isMetric(cell)) return html`<td class="number">${metricHtml(cell, intervals)}</td>`;
  return html`<td class="number">${cell ?? MISSING}</td>`;
}

function metricHtml({ mean, deviation, interval, difference, best }: MetricCell, intervals: boolean): Html {
  const value = best ? html`<strong>${formatMetric(mean)}</strong>` : html`${formatMetric(mean)}`;
  const compared =
    difference !== undefined &&
    html` <span class="${differenceClass(difference)}">(${formatDifference(difference)})</span>`;
  const spread = deviation !== undefined && html`±&#8239;${formatMetric(deviation)}`;
  const range =
    intervals && interval && html`<span class="interval">[${interval.map(formatMetric).join(', ')}]</span>`;
  const beside = [spread, range].filter((part) => part instanceof Html);
  const small = beside.length > 0 && html` <small>${beside.map((part, i) => [i > 0 && ' ', part])}</small>`;
  return html`${value}${compared}${small}`;
}

function differenceClass(difference: number): string {
  if (formatDifference(difference) === '=') return 'same';
  return difference > 0 ? 'better' : 'worse';
}
