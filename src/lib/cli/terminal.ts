/**
 * Whether records go to people or to programs: people get local times and short sizes.
 */

/** True when stdout is a terminal. */
export function stdoutIsTerminal(): boolean {
  return process.stdout.isTTY === true
}

/** How wide the terminal on stdout is. One that does not know is as wide as most. */
export function terminalColumns(): number {
  return process.stdout.columns || 80
}
