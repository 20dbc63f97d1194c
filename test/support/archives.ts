/** The small archives of scripts/archives, as bytes by path, and on the disk. */

interface Script {
  files(): Record<string, Uint8Array>;
  write(folder: string): void;
}

export async function archiveFiles(name: string): Promise<Record<string, Uint8Array>> {
  return (await scriptOf(name)).files();
}

/** Writes an archive into a folder, as `node scripts/archives/make.mjs NAME FOLDER` does. */
export async function writeArchive(name: string, folder: string): Promise<void> {
  (await scriptOf(name)).write(folder);
}

function scriptOf(name: string): Promise<Script> {
  return import(new URL(`../../scripts/archives/${name}.mjs`, import.meta.url).href);
}
