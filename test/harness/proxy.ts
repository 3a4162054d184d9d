// A wire between ssh and sshd that counts what goes up it and can be cut after so many bytes.

import {connect, createServer, type AddressInfo, type Socket} from 'node:net'
import {pinnedEnvironment} from './bk.ts'
import {atEnd} from './cleanup.ts'
import {clientProgram} from './sshd.ts'
import type {Sshd} from './sshd.ts'
import {tempDir} from './temp.ts'

export type Proxy = {
  /** as `sshd.env`, but through this wire */
  readonly env: Readonly<Record<string, string>>
  /** bytes that went from ssh to sshd since the last `reset` */
  readonly up: () => number
  /** bytes that came back since then */
  readonly down: () => number
  /** counts anew, and cuts the connection after so many bytes up, or down, if given */
  readonly reset: (cutAfter?: number, cutAfterDown?: number) => void
}

/** Lays a wire in front of sshd. */
export async function startProxy(sshd: Sshd): Promise<Proxy> {
  let up = 0
  let limit = Infinity
  let down = 0
  let limitDown = Infinity
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(sshd.port, '127.0.0.1')
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', (bytes: Buffer) => {
      const room = Math.max(0, limit - up)
      up += Math.min(bytes.length, room)
      if (bytes.length <= room) {
        if (!upstream.write(bytes)) {
          client.pause()
          upstream.once('drain', () => client.resume())
        }
        return
      }
      upstream.write(bytes.subarray(0, room), () => upstream.destroy())
      client.destroy()
    })
    client.on('end', () => upstream.end())
    upstream.on('data', (bytes: Buffer) => {
      const room = Math.max(0, limitDown - down)
      down += Math.min(bytes.length, room)
      if (bytes.length <= room) {
        if (!client.write(bytes)) {
          upstream.pause()
          client.once('drain', () => upstream.resume())
        }
        return
      }
      client.write(bytes.subarray(0, room), () => client.destroy())
      upstream.destroy()
    })
    upstream.on('end', () => client.end())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  atEnd(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    env: {...sshd.env, PATH: `${programs(sshd, (server.address() as AddressInfo).port)}:${pinnedEnvironment()['PATH']}`},
    up: () => up,
    down: () => down,
    reset(cutAfter = Infinity, cutAfterDown = Infinity) {
      up = 0
      down = 0
      limit = cutAfter
      limitDown = cutAfterDown
    },
  }
}

function programs(sshd: Sshd, port: number): string {
  const bin = tempDir('proxy')
  clientProgram(bin, 'ssh', `-F '${sshd.config}' -o Port=${port} -o HostKeyAlias='[127.0.0.1]:${sshd.port}'`)
  return bin
}
