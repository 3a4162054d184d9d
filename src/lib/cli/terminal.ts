/**
 * Whether records go to people or to programs: people get local times and short sizes.
 */

/** True when stdout is a terminal. */
export function stdoutIsTerminal(): boolean {
  return process.stdout.isTTY === true
}
