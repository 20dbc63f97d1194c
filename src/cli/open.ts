/** Shows a file to whoever sits at this machine, in what they look at such files with. */
import open from 'open';

/** Whether somebody sits here: a terminal, a desktop where there can be none, and no machine of a test service. */
function isAttended(): boolean {
  const { DISPLAY, WAYLAND_DISPLAY, CI } = process.env;
  const desktop = process.platform !== 'linux' || Boolean(DISPLAY || WAYLAND_DISPLAY);
  return Boolean(process.stderr.isTTY) && desktop && !CI;
}

/** Opens a file if somebody is there to see it. That nothing opens it is no fault: its path is printed anyway. */
export async function openFile(path: string): Promise<void> {
  if (!isAttended()) return;
  const child = await open(path).catch(() => undefined);
  child?.on('error', () => {});
}
