/** npm run bench|example -- NAME [options]: builds nothing, runs bench/NAME.ts or examples/NAME/NAME.ts with the package as it was built. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const [kind, name, ...rest] = process.argv.slice(2);
const folder = new URL(`../${kind}/`, import.meta.url);
const fileOf = (entry) =>
  [`${entry}.ts`, `${entry}/${entry}.ts`].find((path) => existsSync(new URL(path, folder)));
const names = readdirSync(folder)
  .map((entry) => entry.replace(/\.ts$/, ''))
  .filter(fileOf);
if (!names.includes(name)) {
  console.error(`There are ${names.join(', ')}.`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  ['--import', 'tsx', new URL(fileOf(name), folder).pathname, ...rest],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
