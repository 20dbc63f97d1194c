// Writes assets/matched-filter.onnx. Run after `npm run build`: node scripts/encoders/matched-filter.mjs
import { mkdir, writeFile } from 'node:fs/promises';
import { buildMatchedFilter } from '../../dist/encoders/matched-filter.js';

const folder = new URL('../../assets/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL('matched-filter.onnx', folder), buildMatchedFilter());
