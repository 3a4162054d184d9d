/*
 * SFTP with another machine, over the system's ssh: what speaks there is `bk browse` or the SFTP of an sshd, and neither is trusted to
 * answer, or to answer in SFTP.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {ConnectionLost} from './failure.ts'
import {startSsh, type RemoteCommand, type SshSession} from './session.ts'
import {SftpClient} from './sftp-client.ts'
import {machineOf, type SshTarget} from './target.ts'

/** Milliseconds in which the other side has to answer. sshd gives a login as much. */
const PATIENCE = 120_000

export interface SftpOptions {
  /** What to look at when nothing is answered. */
  readonly silentHint: string
  /** Milliseconds that it may be silent, at any time; two minutes if not given. */
  readonly patience?: number | undefined
  /** Hears why the connection is gone. `isRest`: nobody was waiting for anything. */
  readonly onLost?: ((error: ConnectionLost, isRest: boolean) => void) | undefined
}

export interface SftpSession {
  readonly client: SftpClient
  close(): Promise<void>
  /** Ends ssh now: whoever waits hears of it. */
  kill(): void
}

/**
 * Connects and greets.
 * @throws ConnectionLost why ssh failed, 65 for what does not speak SFTP, 75 for silence
 */
export async function startSftp(target: SshTarget, command: RemoteCommand, {silentHint, patience = PATIENCE, onLost}: SftpOptions): Promise<SftpSession> {
  const session = startSsh(target, command)
  let isSilent = false
  const giveUp = (): void => {
    isSilent = true
    session.kill()
  }
  const onEnd = async (cause: unknown): Promise<Error> => {
    // As when the other side has had enough of a long silence.
    const isRest = cause === undefined && client.isIdle
    const lost = new ConnectionLost(isSilent ? silence(target, patience, silentHint) : await why(session, target, cause))
    onLost?.(lost, isRest)
    return lost
  }
  const client = new SftpClient(session.input, session.output, onEnd, {after: patience, call: giveUp}, machineOf(target))
  try {
    await client.greet()
  } catch (error) {
    session.kill()
    throw error
  }
  return {client, close: () => session.close(), kill: () => session.kill()}
}

async function why(session: SshSession, target: SshTarget, cause: unknown): Promise<BkError> {
  if (cause === undefined) return await session.failure()
  session.kill()
  return new BkError(`${machineOf(target)} does not answer in SFTP: ${reasonOf(cause)}`, {status: 65, cause, hint: 'does a start file of its shell print something?'})
}

function silence(target: SshTarget, patience: number, hint: string): BkError {
  const time = patience === PATIENCE ? 'two minutes' : `${patience / 1000} seconds`
  return new BkError(`${machineOf(target)} has said nothing for ${time}`, {status: 75, hint})
}
