/**
 * MosMedData: chest CT sorted by how much of the lungs COVID-19 has taken, CT-0 (nothing) to CT-4. The mildest class is
 * told from the first (paper, A.4). Fifty of its scans have masks, which are therefore the ones to validate with.
 *
 * The masks hold many specks; the paper closes them "with a sphere of radius 20" and opens them with one of 10, and does not say
 * in which unit. Of voxels it can hardly be: every tenth slice was kept, so that a scan has some forty of 8 mm; a ball of 10 voxels needs 21
 * slices one above the other to lie in, 168 mm of consolidated lung, and one of 20 joins what is 320 mm apart. Millimetres give
 * balls that reach two slices and one. So radii are millimetres here, in the world of the mask's own grid, unless
 * somebody asks for voxels.
 */
import { TonnoError, UsageError } from '../errors.ts';
import { closeBall, openBall } from '../volume/morphology.ts';
import { spacing, type Volume } from '../volume/volume.ts';
import type { Adapter, AdapterSettings, FoundStudies, PreparedCase, SourceFolder, Study } from './adapter.ts';
import { archiveRoot, pathIn, readImage } from './archive.ts';
import { maskOn } from './masks.ts';

const STUDIES = 'studies';
const MASKS = 'masks';
const [NEGATIVE, POSITIVE] = ['CT-0', 'CT-1'];
/** The paper's radii. */
const CLOSING = '20';
const OPENING = '10';
const BALLS = ['mm', 'voxels'] as const;

interface Source {
  readonly image: string;
  readonly label: number;
  readonly mask?: string;
}

interface Tidying {
  readonly closing: number;
  readonly opening: number;
  readonly ball: (typeof BALLS)[number];
}

export const mosmed: Adapter = {
  summary: 'MosMedData COVID19_1110: chest CT with and without signs of COVID-19',
  description: [
    'Takes studies/CT-0 as negative and studies/CT-1 as positive, in Hounsfield units; CT-2 to CT-4 are left out.',
    'The studies with a mask in masks/ are for validation, the other positive ones for training.',
    'Masks are closed with a ball of radius 20 and then opened with one of 10, by default in millimetres in the world of the mask (slices are 8 mm apart, so that balls of voxels would reach from one end of the lungs to the other); a mask of which the opening would leave nothing is only closed.',
    'Preprocessing: HU / 1000, and 0 outside the volume.',
  ].join(' '),
  options: [
    {
      flags: '--closing <radius>',
      description: `of the ball that masks are closed with; 0 for none (${CLOSING})`,
    },
    {
      flags: '--opening <radius>',
      description: `of the ball that they are then opened with; 0 for none (${OPENING})`,
    },
    { flags: '--ball <unit>', description: `what radii are counted in: ${BALLS.join(' or ')} (${BALLS[0]})` },
  ],
  // Of 684 positive and 254 negative studies in the paper's Table 3.
  validation: { positive: 50 / 684, negative: 50 / 254 },
  preprocessing: { normalise: 'none', scale: [0.001], outside: 0 },
  find,
  prepare,
};

async function find(folder: SourceFolder, settings: AdapterSettings): Promise<FoundStudies> {
  tidyingOf(settings);
  const root = await archiveRoot(folder, ({ folders }) => folders.includes(STUDIES), `folder ${STUDIES}`);
  const studies = pathIn(root, STUDIES);
  const { folders: classes } = await folder.list(studies);
  const missing = [
    ...[NEGATIVE, POSITIVE].filter((name) => !classes.includes(name)).map((name) => `${STUDIES}/${name}`),
    ...((await folder.list(root)).folders.includes(MASKS) ? [] : [MASKS]),
  ];
  if (missing.length > 0) {
    throw new TonnoError(folder.name, `It holds no folder ${missing.join(', ')}.`, {
      remedy: 'Download and unpack the whole archive.',
    });
  }
  const images = async (name: string) => scans(folder, pathIn(studies, name));
  const negative = await images(NEGATIVE);
  const positive = await images(POSITIVE);
  const masks = await scans(folder, pathIn(root, MASKS), '_mask');
  const study = (name: string, source: Source): Study => ({
    name,
    patient: name,
    // Who has a mask is measured; the other positive ones are for training, as in the paper.
    ...(source.label === 1 && { split: source.mask ? 'validation' : 'train' }),
    source,
  });
  const left = await Promise.all(
    classes
      .filter((name) => /^CT-\d+$/.test(name) && name !== NEGATIVE && name !== POSITIVE)
      .map(async (name) => ({
        name,
        count: (await images(name)).size,
      })),
  );
  const strangers = [...masks.keys()].filter((name) => !positive.has(name));
  return {
    studies: [
      ...[...negative].map(([name, image]) => study(name, { image, label: 0 })),
      ...[...positive].map(([name, image]) => study(name, { image, label: 1, mask: masks.get(name) })),
    ],
    classes: ['label'],
    channels: ['CT'],
    notes: [
      ...left.map(
        ({ name, count }) =>
          `${count} ${count === 1 ? 'study' : 'studies'} of ${name} left out, as in the paper.`,
      ),
      ...(strangers.length > 0
        ? [`Masks passed over, since there is no such study in ${POSITIVE}: ${strangers.join(', ')}.`]
        : []),
    ],
  };
}

/** Files study_0001.nii.gz by the name of the study. */
async function scans(folder: SourceFolder, path: string, ending = ''): Promise<Map<string, string>> {
  const pattern = new RegExp(`^(study_\\d+)${ending}\\.nii(\\.gz)?$`);
  const { files } = await folder.list(path);
  return new Map(
    files.flatMap((file) => {
      const name = pattern.exec(file)?.[1];
      return name ? [[name, pathIn(path, file)] as const] : [];
    }),
  );
}

async function prepare(
  study: Study,
  folder: SourceFolder,
  settings: AdapterSettings,
  signal?: AbortSignal,
): Promise<readonly PreparedCase[]> {
  const source = study.source as Source;
  const image = await readImage(folder, source.image);
  signal?.throwIfAborted();
  const plain = { name: study.name, labels: [source.label], images: [image] };
  if (!source.mask) return [plain];
  const { mask, notes } = tidied(maskOn(image, await readImage(folder, source.mask)), tidyingOf(settings));
  return [{ ...plain, mask, ...(notes.length > 0 && { notes }) }];
}

/** The mask closed and opened, or closed alone where the opening would leave nothing of it, which is said. */
function tidied(
  mask: Volume,
  { closing, opening, ball }: Tidying,
): { mask: Volume; notes: readonly string[] } {
  const sides = ball === 'mm' ? spacing(mask.geometry) : undefined;
  const closed = closeBall(Uint8Array.from(mask.data), mask.shape, closing, sides);
  const opened = openBall(closed, mask.shape, opening, sides);
  const gone = closed.includes(1) && !opened.includes(1);
  return {
    mask: { ...mask, data: Float32Array.from(gone ? closed : opened) },
    notes: gone
      ? [`An opening of ${opening} ${ball} would leave nothing of its mask, which is only closed.`]
      : [],
  };
}

/** @throws UsageError for a setting that is no use. */
function tidyingOf({ closing = CLOSING, opening = OPENING, ball = BALLS[0] }: AdapterSettings): Tidying {
  const radius = (option: string, text: string) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= 0 && Number.isFinite(value)) return value;
    throw new UsageError(`${option} ${text}`, 'It must be a number of at least 0.', {
      remedy: 'Give the radius of a ball, or 0 for none.',
    });
  };
  const unit = BALLS.find((name) => name === ball);
  if (!unit) {
    throw new UsageError(`--ball ${ball}`, 'There is no such unit.', {
      remedy: `Give ${BALLS.join(' or ')}.`,
    });
  }
  return { closing: radius('--closing', closing), opening: radius('--opening', opening), ball: unit };
}
