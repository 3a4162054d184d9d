// An SFTP server that counts: OpenSSH's own sftp-server, and in front of it a program that reads along what is asked. So requests are
// counted where they arrive, whatever whoever asks believes to have asked.

import {spawn} from 'node:child_process'
import {appendFileSync, existsSync, readFileSync} from 'node:fs'

const KINDS: Readonly<Record<number, string>> = {
  1: 'init', 3: 'open', 4: 'close', 5: 'read', 6: 'write', 7: 'lstat', 8: 'fstat', 9: 'setstat', 10: 'fsetstat', 11: 'opendir', 12: 'readdir',
  13: 'remove', 14: 'mkdir', 15: 'rmdir', 16: 'realpath', 17: 'stat', 18: 'rename', 19: 'readlink', 20: 'symlink', 200: 'extended',
}

/** The command of a `Subsystem sftp` line that counts into a file, and what it has counted since that was made. */
export function countingServer(file: string): {readonly command: string; readonly asked: () => Readonly<Record<string, number>>} {
  return {
    command: `${process.execPath} --no-warnings ${import.meta.filename} ${file}`,
    asked: () => {
      const counts: Record<string, number> = {}
      const kinds = existsSync(file) ? readFileSync(file, 'latin1').split('\n').filter((kind) => kind !== '') : []
      for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
      return counts
    },
  }
}

/** What stands between sshd and sftp-server. */
function count(file: string): void {
  const server = spawn('/usr/lib/openssh/sftp-server', {stdio: ['pipe', 'inherit', 'inherit']})
  server.on('exit', (status) => {
    process.exitCode = status ?? 1
    process.stdin.destroy()
  })
  let text = ''
  // Written when it is over, and that is before ssh has ended.
  process.on('exit', () => appendFileSync(file, text))
  let held = Buffer.alloc(0)
  process.stdin.on('data', (piece: Buffer) => {
    held = Buffer.concat([held, piece])
    let at = 0
    for (; at + 5 <= held.length && at + 4 + held.readUInt32BE(at) <= held.length; at += 4 + held.readUInt32BE(at)) text += `${KINDS[held[at + 4]!] ?? 'other'}\n`
    held = held.subarray(at)
    server.stdin!.write(piece)
  })
  process.stdin.on('end', () => server.stdin!.end())
}

if (process.argv[1] === import.meta.filename) count(process.argv[2]!)
