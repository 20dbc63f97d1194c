/**
 * A table as LaTeX, for \usepackage{booktabs} and nothing else. Text is escaped, and the signs of this field that
 * LaTeX's usual fonts lack are written with its commands; letters of European alphabets are left as they are.
 */
import {
  formatDifference,
  formatMetric,
  isMetric,
  type MetricCell,
  type Table,
  type TableCell,
} from './tables.ts';

const COMMANDS: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': "''",
  '★': '$\\star$',
  '⋆': '$\\star$',
  '’': "'",
  '‘': '`',
  '“': '``',
  '”': "''",
  '–': '--',
  '—': '---',
  '…': '\\ldots{}',
  '−': '$-$',
  '±': '$\\pm$',
  '×': '$\\times$',
  '·': '$\\cdot$',
  '≤': '$\\leq$',
  '≥': '$\\geq$',
  '≈': '$\\approx$',
  '≠': '$\\neq$',
  '→': '$\\rightarrow$',
  '∞': '$\\infty$',
  '√': '$\\surd$',
  '°': '$^\\circ$',
  '′': "$'$",
  '¹': '$^1$',
  '²': '$^2$',
  '³': '$^3$',
  '⁻': '$^-$',
  '½': '$\\frac12$',
  '\u00a0': '~',
  '\u202f': '\\,',
  '\u2009': '\\,',
  ...greek('αβγδεζηθικλμνξπρστυφχψω', [
    'alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon',
    'varphi chi psi omega',
  ]),
  ...greek('ΓΔΘΛΞΠΣΦΨΩ', ['Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega']),
  µ: '$\\mu$',
};

function greek(letters: string, names: readonly string[]): Record<string, string> {
  const commands = names.join(' ').split(' ');
  return Object.fromEntries([...letters].map((letter, i) => [letter, `$\\${commands[i]}$`]));
}

/** Text as it must stand in LaTeX's text mode. */
export function escapeLatex(text: string): string {
  return [...text].map((character) => COMMANDS[character] ?? character).join('');
}

/**
 * @returns a table environment with caption and label ("tab:methods"); needs \usepackage{booktabs}. Spread is set
 *   small behind its mean; intervals are left to the other forms of the table, being too wide for a column of text.
 */
export function tableLatex({ id, caption, columns, rows, grouped }: Table): string {
  const groups = grouped ? new Set(rows.map(([group]) => group)).size : 0;
  // A column that says the same in every row says nothing; a group's name stands in its first row only.
  const shown = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column, index }) => !column.aside && !(grouped && groups < 2 && index === 0));
  const lines = rows.map((row, r) => {
    const opens = r === 0 || row[0] !== rows[r - 1][0];
    const cells = shown.map(({ index }) => {
      if (grouped && index === 0 && !opens) return '';
      const beside = columns[index + 1]?.aside ? row[index + 1] : undefined;
      return latexCell(row[index]) + (beside === undefined ? '' : ` (${latexCell(beside)})`);
    });
    const rule = grouped && opens && r > 0 ? '    \\midrule\n' : '';
    return `${rule}    ${cells.join(' & ')} \\\\`;
  });
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeLatex(caption)}}`,
    `  \\label{tab:${id}}`,
    `  \\begin{tabular}{${shown.map(({ column }) => (column.kind === 'text' ? 'l' : 'c')).join('')}}`,
    '    \\toprule',
    `    ${shown.map(({ column }) => escapeLatex(column.title)).join(' & ')} \\\\`,
    '    \\midrule',
    ...lines,
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

function latexCell(cell: TableCell): string {
  if (cell === undefined) return '--';
  return isMetric(cell) ? latexMetric(cell) : escapeLatex(String(cell));
}

function latexMetric({ mean, deviation, difference, best }: MetricCell): string {
  const shown = escapeLatex(formatMetric(mean));
  const compared = difference === undefined ? '' : ` (${escapeLatex(formatDifference(difference))})`;
  const value = `${shown}${compared}`;
  const spread = deviation === undefined ? '' : ` {\\scriptsize $\\pm$ ${formatMetric(deviation)}}`;
  return `${best ? `\\textbf{${value}}` : value}${spread}`;
}
