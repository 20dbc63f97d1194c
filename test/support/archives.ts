/** The small archives of scripts/archives, as bytes by path. */
export async function archiveFiles(name: string): Promise<Record<string, Uint8Array>> {
  const script: { files(): Record<string, Uint8Array> } = await import(
    new URL(`../../scripts/archives/${name}.mjs`, import.meta.url).href
  );
  return script.files();
}
