/** What the keyboard does in the viewer: one table, which the dialog of keys shows as well. */

export type KeyAction =
  | 'left'
  | 'right'
  | 'up'
  | 'down'
  | 'forward'
  | 'back'
  | 'first'
  | 'last'
  | 'next-lesion'
  | 'previous-lesion'
  | 'accept'
  | 'reject'
  | 'undecide'
  | 'look'
  | 'erase'
  | 'restore'
  | 'paint'
  | 'undo'
  | 'redo'
  | 'mask'
  | 'truth'
  | 'heatmap'
  | 'less-opaque'
  | 'more-opaque'
  | 'smaller-brush'
  | 'larger-brush'
  | 'zoom-in'
  | 'zoom-out'
  | 'keys';

interface KeyRow {
  readonly action: KeyAction;
  /** As `KeyboardEvent.key` gives them; with Ctrl (or ⌘) where it says so. */
  readonly keys: readonly string[];
  readonly ctrl?: boolean;
  /** Only where a plane has the focus. */
  readonly plane?: boolean;
  readonly shown: string;
  readonly does: string;
}

export const KEYS: readonly KeyRow[] = [
  { action: 'left', keys: ['ArrowLeft'], plane: true, shown: '←', does: 'Crosshair to the left' },
  { action: 'right', keys: ['ArrowRight'], plane: true, shown: '→', does: 'Crosshair to the right' },
  { action: 'up', keys: ['ArrowUp'], plane: true, shown: '↑', does: 'Crosshair up' },
  { action: 'down', keys: ['ArrowDown'], plane: true, shown: '↓', does: 'Crosshair down' },
  { action: 'forward', keys: ['PageDown', '.'], plane: true, shown: 'Page Down or .', does: 'Next slice' },
  { action: 'back', keys: ['PageUp', ','], plane: true, shown: 'Page Up or ,', does: 'Slice before' },
  { action: 'first', keys: ['Home'], plane: true, shown: 'Home', does: 'First slice' },
  { action: 'last', keys: ['End'], plane: true, shown: 'End', does: 'Last slice' },
  { action: 'zoom-in', keys: ['z'], shown: 'z', does: 'Zoom in' },
  { action: 'zoom-out', keys: ['Z'], shown: 'Shift z', does: 'Zoom out' },
  { action: 'next-lesion', keys: ['n'], shown: 'n', does: 'Next lesion' },
  { action: 'previous-lesion', keys: ['p'], shown: 'p', does: 'Lesion before' },
  { action: 'accept', keys: ['a'], shown: 'a', does: 'Accept the lesion' },
  { action: 'reject', keys: ['x'], shown: 'x', does: 'Reject the lesion' },
  { action: 'undecide', keys: ['c'], shown: 'c', does: 'Take the decision back' },
  { action: 'erase', keys: ['e'], shown: 'e', does: 'Eraser' },
  { action: 'restore', keys: ['r'], shown: 'r', does: 'Brush that gives back' },
  { action: 'look', keys: ['Escape'], shown: 'Esc', does: 'Put the brush away' },
  {
    action: 'paint',
    keys: ['Enter', ' '],
    plane: true,
    shown: 'Enter or Space',
    does: 'Paint at the crosshair',
  },
  { action: 'smaller-brush', keys: ['-'], shown: '−', does: 'Smaller brush' },
  { action: 'larger-brush', keys: ['+', '='], shown: '+', does: 'Larger brush' },
  { action: 'undo', keys: ['z'], ctrl: true, shown: 'Ctrl Z', does: 'Undo' },
  { action: 'redo', keys: ['y', 'Z'], ctrl: true, shown: 'Ctrl Y', does: 'Redo' },
  { action: 'heatmap', keys: ['h'], shown: 'h', does: 'Heatmap on or off' },
  { action: 'mask', keys: ['m'], shown: 'm', does: 'Lesions on or off' },
  { action: 'truth', keys: ['t'], shown: 't', does: 'Truth on or off' },
  { action: 'less-opaque', keys: ['['], shown: '[', does: 'Heatmap less opaque' },
  { action: 'more-opaque', keys: [']'], shown: ']', does: 'Heatmap more opaque' },
  { action: 'keys', keys: ['?'], shown: '?', does: 'This list' },
];

/** What pointers do on a plane (gestures.ts), for the same dialog. */
export const POINTER: readonly Pick<KeyRow, 'shown' | 'does'>[] = [
  { shown: 'Drag', does: 'Move the crosshair, or paint' },
  { shown: 'Wheel', does: 'Go through the slices' },
  { shown: 'Ctrl wheel, pinch', does: 'Zoom' },
  { shown: 'Shift drag, two fingers', does: 'Move the picture' },
  { shown: 'Right-button drag', does: 'Set the window: width, level' },
];

/** What a key press means. */
export function actionOf(
  { key, ctrlKey, metaKey, altKey }: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>,
  onPlane: boolean,
): KeyAction | undefined {
  if (altKey) return undefined;
  const ctrl = ctrlKey || metaKey;
  return KEYS.find((row) => row.keys.includes(key) && (row.ctrl ?? false) === ctrl && (onPlane || !row.plane))
    ?.action;
}
