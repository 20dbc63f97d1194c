/**
 * tonno layers: the layers of an encoder that class activation maps can be made of. By default those that are good for
 * it and those that everything passes; a network has hundreds besides.
 */
import type { Command } from 'commander';
import { readEncoder } from '../encoders/external.ts';
import { encoderLayers, numberedLayers, requireLayers } from '../encoders/layers.ts';
import type { SpatialLayer } from '../onnx/layers.ts';
import { parseModel } from '../onnx/model.ts';
import { readBytes } from './files.ts';
import { wholeNumber } from './options.ts';
import type { Run } from './run.ts';

export function addLayers(program: Command, run: Run): void {
  program
    .command('layers')
    .summary('list the layers of an encoder for class activation maps')
    .description(
      'List the layers of an encoder that class activation maps can be made of: their shape, how many pixels lie from one element to the next (stride), how many reach one (field), and the numbers that --layer takes.',
    )
    .argument('<encoder>', 'an .onnx file')
    .option('--size <pixels>', 'side of the slices, where the file leaves it free', wholeNumber(1))
    .option('--all', 'all layers, not only those that every path goes through')
    .action((path: string, options: { size?: number; all?: boolean }) =>
      run(async () => {
        const rows = await numberedRows(path, options.size);
        const listed = options.all ? rows : rows.filter((layer, i) => isWorthwhile(layer, rows[i + 1]));
        for (const line of describe(path, listed, rows.length)) run.terminal.print(line);
        run.terminal.result({ kind: 'layers', file: path, layers: listed.map(layerFacts) });
      }),
    );
}

/** A layer with the number that `--layer` takes for it. */
export interface NumberedLayer extends SpatialLayer {
  readonly number: number | undefined;
}

/** Layers with the numbers of those that have one. */
export function withNumbers(
  layers: readonly SpatialLayer[],
  numbered: readonly (SpatialLayer | undefined)[],
): NumberedLayer[] {
  return layers.map((layer) => ({ ...layer, number: numbered.indexOf(layer) + 1 || undefined }));
}

/** JSON has no infinity. */
export function layerFacts({ field, ...layer }: NumberedLayer): Record<string, unknown> {
  return { ...layer, field: Number.isFinite(field.rows) ? field : 'whole image' };
}

async function numberedRows(path: string, side: number | undefined): Promise<NumberedLayer[]> {
  const encoder = await readEncoder(await readBytes(path), path);
  const size = encoder.size ?? (side === undefined ? undefined : { rows: side, columns: side });
  const model = parseModel(encoder.model, path);
  const layers = encoderLayers(model, encoder, size && { size });
  requireLayers(encoder, layers);
  return withNumbers(layers, numberedLayers(encoder, layers, model));
}

/**
 * Layers that are numbered or sensible, and those that everything passes: of such as follow each other and differ only
 * by a normalisation, an activation or their layout the last.
 */
function isWorthwhile(layer: NumberedLayer, next: NumberedLayer | undefined): boolean {
  const { number, sensible, bottleneck, live } = layer;
  if (number !== undefined || sensible) return true;
  return bottleneck && live && !(next?.bottleneck && kind(next) === kind(layer));
}

function kind({ stride, field, channels }: SpatialLayer): string {
  return [stride.rows, stride.columns, field.rows, field.columns, channels].join();
}

/** Columns of a terminal that nobody has made wider. */
const width = 80;

type Row = readonly [number: string, name: string, shape: string, stride: string, field: string, by: string];

function describe(path: string, layers: readonly NumberedLayer[], total: number): string[] {
  const count =
    layers.length < total ? `${layers.length} of ${total} layers (--all lists all)` : `${total} layers`;
  return [
    path,
    `${count}; * those that are good for a class activation map`,
    ...table([['  #', 'layer', 'shape', 'stride', 'field', 'operator'], ...layers.map(row)]),
    'Use: tonno reconstruct --method tomographic-cam --cam layercam --layer NAME|#',
  ];
}

function row(layer: NumberedLayer): Row {
  const { number, sensible, tensor, stride, field, operator } = layer;
  return [
    `${sensible ? '*' : ' '} ${number ?? ''}`,
    tensor,
    shapeOf(layer),
    both(stride),
    Number.isFinite(field.rows) ? both(field) : 'image',
    operator,
  ];
}

function shapeOf({ layout, size, channels }: SpatialLayer): string {
  const plane = size ? `${size.rows}×${size.columns}` : '?×?';
  const depth = channels ?? '?';
  return layout.endsWith('tokens') ? `${plane} tokens×${depth}` : `${depth}×${plane}`;
}

function both({ rows, columns }: { readonly rows: number; readonly columns: number }): string {
  const [a, b] = [rows, columns].map((value) => String(Number(value.toFixed(1))));
  return a === b ? a : `${a}×${b}`;
}

/** Rows in columns, numbers to the right; a name that leaves no room for the rest has a line of its own. */
function table(rows: readonly Row[]): string[] {
  const [number, name, ...others] = rows[0].map((_, column) =>
    Math.max(...rows.map((cells) => cells[column].length)),
  );
  const facts = rows.map(([, , shape, stride, field, operator]) =>
    [shape.padEnd(others[0]), stride.padStart(others[1]), field.padStart(others[2]), operator].join(gap),
  );
  const start = number + gap.length;
  const names = Math.min(name, width - start - gap.length - facts[0].length);
  const column = start + names + gap.length;
  return rows.flatMap((cells, i) => {
    const head = `${cells[0].padEnd(number)}${gap}${cells[1].padEnd(names)}`;
    if (cells[1].length <= names && column + facts[i].length <= width) return [`${head}${gap}${facts[i]}`];
    const indent = Math.max(start, Math.min(column, width - facts[i].length));
    return [head.trimEnd(), `${' '.repeat(indent)}${facts[i]}`];
  });
}

const gap = '  ';
