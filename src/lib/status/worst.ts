/*
 * One exit status for several stores, or several sources. A store that could not be read is graver than a set with which something is wrong,
 * since nothing is known of it; and what will be so tomorrow is graver than what may pass.
 */
import {exitStatus, type ExitStatus} from '../cli/exit.ts'

const RISING: readonly ExitStatus[] = [exitStatus.done, exitStatus.no, exitStatus.partial, exitStatus.tryLater, exitStatus.refused, exitStatus.failed, exitStatus.badInput]

/** The gravest of some statuses; 0 for none. */
export function worst(statuses: readonly ExitStatus[]): ExitStatus {
  return statuses.reduce<ExitStatus>((most, each) => (rank(each) > rank(most) ? each : most), exitStatus.done)
}

function rank(status: ExitStatus): number {
  const at = RISING.indexOf(status)
  return at < 0 ? RISING.length : at
}
