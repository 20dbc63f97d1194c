/** tonno weights: downloads timm's pretrained weights; what else a server may answer never gets their name. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { checkPretrained, type PretrainedName, pretrainedFiles, pretrainedUrl } from '../encoders/weights.ts';
import { TonnoError, UsageError } from '../errors.ts';
import { concatenate } from '../formats/bytes.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { NewFile } from './files.ts';
import type { Run } from './run.ts';

/** A mirror of Hugging Face, for those who cannot reach it. */
const MIRROR = 'TONNO_WEIGHTS_URL';
const MEGABYTE = 1e6;

export function addWeights(program: Command, run: Run): void {
  program
    .command('weights')
    .summary('download pretrained weights for a training')
    .description('Download weights that timm trained on ImageNet, from huggingface.co.')
    .argument('<name>', listed('or'))
    .option('-o, --out <file>', 'where they go (NAME.safetensors in the current folder)')
    .addHelpText(
      'after',
      `\nA mirror of huggingface.co is asked instead when ${MIRROR} in the environment names one.`,
    )
    .action((name: string, { out }: { out?: string }) =>
      run(async () => {
        if (!isKnown(name)) {
          throw new UsageError(name, 'No weights of this name are known.', {
            remedy: `Known are ${listed('and')}.`,
          });
        }
        const path = out ?? `${name}.safetensors`;
        const url = urlOf(name);
        const bytes = await download(name, url, path, run);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        run.terminal.print(path);
        run.terminal.result({ command: 'weights', name, file: path, bytes: bytes.length, sha256, url });
      }),
    );
}

async function download(name: PretrainedName, url: string, path: string, run: Run): Promise<Uint8Array> {
  await refuseFolder(path);
  const file = await NewFile.create(path);
  try {
    run.terminal.log(`Downloading ${url}`);
    const bytes = await fetchInto(file, name, url, run);
    refuseOther(bytes, name, url, path);
    run.signal.throwIfAborted();
    await file.commit();
    return bytes;
  } finally {
    await file.discard();
  }
}

/** The bytes behind an address, which are written to a file as they come. */
async function fetchInto(
  file: NewFile,
  name: string,
  url: string,
  { terminal, signal }: Run,
): Promise<Uint8Array> {
  const progress = terminal.progress(name);
  try {
    const response = await fetch(url, { signal, headers: { 'accept-encoding': 'identity' } });
    if (!response.ok) {
      await response.body?.cancel();
      throw failed(url, file.path, `The server answered ${response.status} ${response.statusText}.`);
    }
    const total = Number(response.headers.get('content-length')) / MEGABYTE;
    const chunks: Uint8Array[] = [];
    let count = 0;
    for await (const chunk of response.body ?? []) {
      await file.write(chunk);
      chunks.push(chunk);
      count += chunk.length / MEGABYTE;
      if (total > 0) progress.update(round(count), round(total), 'MB', { count, units: 'MB' });
    }
    return concatenate(chunks);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TonnoError) throw error;
    throw failed(url, file.path, `The download failed (${reasonOf(error)}).`, error);
  } finally {
    progress.end();
  }
}

function refuseOther(bytes: Uint8Array, name: PretrainedName, url: string, path: string): void {
  const { architecture, norms } = pretrainedFiles[name];
  try {
    const { tensors } = readSafetensors(bytes, url);
    checkPretrained({ architecture, norm: norms[0], channels: 3, outputs: 1 }, tensors, url);
  } catch (error) {
    if (!(error instanceof TonnoError)) throw error;
    throw failed(url, path, `What came are not these weights. ${error.problem}`, error);
  }
}

function failed(url: string, path: string, problem: string, cause?: unknown): TonnoError {
  const remedy = `On another machine, run "curl -L -o ${basename(path)} ${url}", and copy the file here.`;
  return new TonnoError(url, problem, { remedy, cause });
}

/** Node's fetch says "fetch failed" and keeps the reason behind it, at times as a code alone. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, code } = (error.cause ?? error) as NodeJS.ErrnoException;
  return message || code || error.message;
}

/** Now, not when all is downloaded. */
async function refuseFolder(path: string): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory()) {
    throw new TonnoError(path, 'It is a folder, not a file.', { remedy: 'Name the file in it with --out.' });
  }
}

function urlOf(name: PretrainedName): string {
  const mirror = process.env[MIRROR];
  if (!mirror) return pretrainedUrl(name);
  if (!/^https?:/i.test(mirror) || !URL.canParse(mirror)) {
    throw new UsageError(`${MIRROR}=${mirror}`, 'This is no address of a web server.', {
      remedy: 'Give one like https://huggingface.co.',
    });
  }
  return pretrainedUrl(name, mirror.replace(/\/+$/, ''));
}

function isKnown(name: string): name is PretrainedName {
  return Object.hasOwn(pretrainedFiles, name);
}

function listed(word: 'and' | 'or'): string {
  return Object.keys(pretrainedFiles).join(` ${word} `);
}

function round(megabytes: number): number {
  return Math.round(10 * megabytes) / 10;
}
