/**
 * All that bin/bk.js needs, in one module, so that tools/build makes one bundle of it.
 */
export {runCleanups} from './cleanup.ts'
export {isOutputGivenUp, stdoutError} from './output.ts'
export {sayFailure, start} from './start.ts'
