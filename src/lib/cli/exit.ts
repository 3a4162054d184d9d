/**
 * The table of exit statuses: the one place that says what a status of bk means. Commands end with these, the entry
 * maps errors to them, and the man pages print them. 1 is an answer, never an error, so that scripts can ask questions.
 */

export const exitStatus = {
  done: 0,
  no: 1,
  failed: 2,
  partial: 3,
  usage: 64,
  badInput: 65,
  bug: 70,
  stdoutFailed: 74,
  tryLater: 75,
  refused: 77,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus]

export type ExitMeaning = {readonly status: ExitStatus; readonly meaning: string}

/** Every status with its meaning, in rising order, worded for the EXIT STATUS section of a manual page. */
export const exitMeanings: readonly ExitMeaning[] = [
  {status: exitStatus.done, meaning: 'Done.'},
  {status: exitStatus.no, meaning: 'The answer is "no". This is never an error.'},
  {status: exitStatus.failed, meaning: 'Failed; nothing was committed.'},
  {
    status: exitStatus.partial,
    meaning: 'Done, but not all, or with a warning to act on. Each file that was left out is named on standard error.',
  },
  {status: exitStatus.usage, meaning: 'The command line was wrong.'},
  {status: exitStatus.badInput, meaning: 'The input is not in the expected format, or is cut off.'},
  {status: exitStatus.bug, meaning: 'A bug in bk.'},
  {status: exitStatus.stdoutFailed, meaning: 'Standard output could not be written.'},
  {status: exitStatus.tryLater, meaning: 'Locked or unreachable; try again later.'},
  {status: exitStatus.refused, meaning: 'Refused: a limit, a permission, an unknown base, or a safeguard.'},
  {status: exitStatus.interrupted, meaning: 'Ended by SIGINT.'},
  {status: exitStatus.brokenPipe, meaning: 'The reader of standard output went away.'},
  {status: exitStatus.terminated, meaning: 'Ended by SIGTERM.'},
]
