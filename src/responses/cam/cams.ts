/** All class activation maps: those that are a formula of gradients, and ScoreCAM. */
import { formulas, type GradientCamName } from './formulas.ts';

/** By name: what a map is called in captions. */
export const cams = {
  ...formulas,
  scorecam: { title: 'ScoreCAM' },
} as const satisfies Record<string, { readonly title: string }>;

export type CamName = keyof typeof cams;

/** True for maps that are outputs of the encoder's own graph; ScoreCAM asks the encoder again and again. */
export function isGradientCam(cam: CamName): cam is GradientCamName {
  return Object.hasOwn(formulas, cam);
}
