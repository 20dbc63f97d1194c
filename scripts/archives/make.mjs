/**
 * Small archives laid out like those that people download, with the same names and headers, for trying `tonno prepare`:
 *
 *     node scripts/archives/make.mjs NAME FOLDER
 *
 * NAME is one of the files beside this one; each exports `write(folder)`. The voxels are invented.
 */
import { readdirSync } from 'node:fs';

const [name, folder] = process.argv.slice(2);
const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.mjs') && !['make.mjs', 'files.mjs'].includes(file))
  .map((file) => file.slice(0, -'.mjs'.length))
  .sort();
if (!folder || !names.includes(name)) {
  console.error(`Usage: node scripts/archives/make.mjs ${names.join('|')} FOLDER`);
  process.exit(2);
}
const { write } = await import(`./${name}.mjs`);
await write(folder);
console.log(folder);
