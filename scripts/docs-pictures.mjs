// Writes docs/case.png and docs/report.png from a study's report; the second needs Chromium.
//     npm start -- --out demo && node scripts/docs-pictures.mjs demo
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [study] = process.argv.slice(2);
if (!study) throw new Error('Give the folder of a study.');
const report = resolve(join(study, 'report.html'));
const docs = new URL('../docs/', import.meta.url);
// The first picture of the report is a case by every method.
const [, picture] = /src="data:image\/png;base64,([^"]+)"/.exec(await readFile(report, 'utf8'));
await writeFile(new URL('case.png', docs), Buffer.from(picture, 'base64'));

const quiet = [
  'disable-quic',
  'no-first-run',
  'disable-background-networking',
  'disable-component-update',
  'disable-sync',
];
const { status, error } = spawnSync(
  process.env.CHROMIUM ?? 'chromium',
  [
    '--headless',
    '--no-sandbox',
    ...quiet.map((flag) => `--${flag}`),
    '--hide-scrollbars',
    '--window-size=1100,820',
    `--screenshot=${fileURLToPath(new URL('report.png', docs))}`,
    `file://${report}`,
  ],
  { stdio: 'ignore' },
);
if (error || status !== 0) throw error ?? new Error('Chromium made no picture; set CHROMIUM to its path.');
