// The entry of every bk process, and the only place that ends one: it finds the bundle of the command, watches stdout,
// lets it drain, and exits with the status that the command came to. What a command line means is src/lib/cli/start.ts.
// Node's compile cache would save 3 ms of 15, but is written at run time: a forced command leaves nothing behind.

// Not by import: that reads every property of the module, and reading fs.promises alone costs 3 ms.
const {existsSync} = process.getBuiltinModule('node:fs')
const root = import.meta.dirname.slice(0, -'/bin'.length)
const argv = process.argv.slice(2)
const own = findOwn()
const calledAs = ['bk', ...(own ?? [])].join(' ')
let bk

// These have to be there before oclif is loaded, which swallows the errors of a stdout that nobody reads any more.
process.stdout.on('error', failStdout)
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

try {
  bk = await import(`../dist/hot/${own === undefined ? '_entry' : own.join('.')}.js`)
} catch (error) {
  fail(error)
}
// The old generation grows by half and not manifold before it is looked through: a first push of 100,000 files has 230 to 265 MiB with it
// and 270 to 360 without. Not on the command line: Node's own modules come compiled for V8's usual flags, and have to be compiled
// again for these, which is 10 ms of 70.
process.getBuiltinModule('node:v8').setFlagsFromString('--heap-growing-percent=50')
const status = await bk.start(argv, root, own && {words: own, command: bk.default})
// Wait for a slow reader, who may be a person with a pager, as long as it takes, unless the command has given him up; and
// in any case one turn, in which a failed write is reported.
await new Promise((done) => (process.stdout.writableLength > 0 && !bk.isOutputGivenUp() ? process.stdout.write('', done) : setImmediate(done)))
end(status)

// A command of bk's own is named by one word or two, and its bundle, made by tools/build, is found by them: all else is
// left to oclif.
function findOwn() {
  for (const words of [argv.slice(0, 1), argv.slice(0, 2)]) {
    if (!words.every((word) => /^[a-z][a-z-]*$/.test(word))) return undefined
    if (existsSync(`${root}/dist/hot/${words.join('.')}.js`)) return words
  }
  return undefined
}

// A reader that went away is no error to speak of: 141 is what a shell shows for a filter that SIGPIPE ended. Everything
// else means that the output is not whole.
function failStdout(error) {
  if (error.code !== 'EPIPE') fail(bk === undefined ? error : bk.stdoutError(error))
  bk?.runCleanups()
  end(141)
}

function fail(error) {
  if (bk === undefined) failEarly(error)
  bk.runCleanups()
  end(bk.sayFailure(error, calledAs, argv))
}

// Without the bundle there are no words to say it in but these.
function failEarly(error) {
  const built = existsSync(`${root}/dist/hot/_entry.js`)
  const message = built ? `this is a bug: ${String(error).split('\n', 1)[0]}` : `not built yet: run 'npm run build' in ${root}`
  process.stderr.write(`bk: ${message}\n`)
  end(built ? 70 : 2)
}

// The kernel ends this process by putting a shell in its place, whose only act is to end with the status: exit() waits for V8's threads,
// and one that compiles may be waiting for this one to collect garbage, for ever (docs/oddities.md). To compile in the background
// matters: a push of which nothing has changed takes a fifth longer without.
function end(status) {
  process.emit('exit', status)
  // What exit() does, and input.ts for stdin: a pipe that Node writes to is non-blocking for everybody who has it, and the next command of
  // the same script would be told to try again.
  for (const {_handle: handle} of [process.stdout, process.stderr]) handle?.setBlocking?.(true)
  // Node 23.8 to 23.10 have no such call.
  if (process.execve === undefined) process.exit(status)
  process.execve('/bin/sh', ['sh', '-c', `exit ${status}`], {})
}
