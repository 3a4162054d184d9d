/*
 * A thread that restores.
 */
import {serveJobs} from '../sys/workers.ts'
import {Restorer} from './restorer.ts'
import type {Order} from './crew.ts'
import type {Outcome} from './job.ts'

let restorer: Restorer | undefined

serveJobs<Order, Outcome>(({context, job}) => {
  restorer ??= new Restorer(context)
  return restorer.run(job)
})
