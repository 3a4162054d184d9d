/*
 * A thread that reads packs.
 */
import {openStore} from '../store/open.ts'
import {serveJobs} from '../sys/workers.ts'
import {checkPack, type PackVerdict} from './check-pack.ts'
import type {PackOrder} from './read-data.ts'

serveJobs<PackOrder, PackVerdict>(({where, pack}) => checkPack(openStore(where), pack))
