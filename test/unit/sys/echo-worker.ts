// The worker of workers.test.ts: does what it is told.

import {workerData} from 'node:worker_threads'

import {BkError} from '../../../src/lib/cli/errors.ts'
import {systemError} from '../../../src/lib/sys/errno.ts'
import {utimensat} from '../../../src/lib/sys/libc.ts'
import {handOver, serveJobs} from '../../../src/lib/sys/workers.ts'

export interface Task {
  readonly do: string
  readonly value?: unknown
}

serveJobs<Task, unknown>((task) => {
  switch (task.do) {
    case 'echo': return task.value
    case 'data': return workerData
    case 'later': return new Promise((resolve) => setTimeout(() => resolve(task.value), 20))
    case 'busy': {
      for (const end = Date.now() + Number(task.value); Date.now() < end; );
      return process.hrtime.bigint()
    }
    case 'bytes': {
      const bytes = new Uint8Array(Number(task.value)).fill(7)
      const reply = handOver(bytes, [bytes.buffer])
      return reply
    }
    case 'fail': throw systemError(28, 'write', '/some/path')
    case 'refuse': throw new BkError('no such thing', {status: 77, hint: 'ask for another', cause: systemError(13, 'open', 'x')})
    case 'fail later': return Promise.reject(new TypeError('later'))
    case 'throw text': throw 'text'
    case 'function': return () => {}
    case 'die': return process.exit(9)
    case 'crash': return void setTimeout(() => { throw new RangeError('crashed') }), new Promise(() => {})
    case 'eat': {
      const all: unknown[] = []
      for (;;) all.push({number: all.length, text: `text ${all.length}`})
    }
    case 'times': return utimensat(task.value as string, 1n, 123_456_789n)
    default: throw new Error(`unknown task ${task.do}`)
  }
})
