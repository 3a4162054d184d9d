/*
 * A worker thread of a walk: does the jobs that local.ts hands out.
 */
import {workerData} from 'node:worker_threads'
import {handOver, serveJobs} from '../sys/workers.ts'
import type {Job, JobResult} from './job.ts'
import {createRunner, type WalkSetup} from './runner.ts'

const run = await createRunner(workerData as WalkSetup)

serveJobs<Job, JobResult>((job) => {
  const result = run(job)
  const {records, text} = result
  const moved = records === undefined ? [text.buffer] : [text.buffer, records.stats.buffer, records.numbers.buffer]
  return handOver(result, moved as ArrayBuffer[])
})
