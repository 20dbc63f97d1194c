/** npm run bench -- NAME [options]: builds nothing, runs bench/NAME.ts with the package as it was built. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folder = new URL('.', import.meta.url);
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []));
const [name, ...rest] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`Benches: ${names.join(', ')}.`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['--import', 'tsx', new URL(`${name}.ts`, folder).pathname, ...rest],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
