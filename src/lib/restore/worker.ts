/*
 * A thread that restores.
 */
import {workerData} from 'node:worker_threads'
import {serveJobs} from '../sys/workers.ts'
import {Restorer} from './restorer.ts'
import type {Job, Outcome, RestoreContext} from './job.ts'

const restorer = new Restorer(workerData as RestoreContext)

serveJobs<Job, Outcome>((job) => restorer.run(job))
