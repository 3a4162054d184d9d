/*
 * bk offer: a push whose wire is standard input and output, for whoever has started it over ssh.
 */
import {resolve} from 'node:path'
import {BkCommand} from '../lib/cli/command.ts'
import {prose} from '../lib/cli/prose.ts'
import {BkError, reasonOf, usageError} from '../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../lib/cli/exit.ts'
import {requiredOperand} from '../lib/cli/flags.ts'
import {openInput} from '../lib/cli/input.ts'
import {requireNotTerminal, writeParts} from '../lib/cli/output.ts'
import {meetPeer} from '../lib/cli/peer-sink.ts'
import {stateDirectory} from '../lib/cli/places.ts'
import {createProgress} from '../lib/cli/progress.ts'
import {sendOptions} from '../lib/cli/send-options.ts'
import {sinkOf, type Sink} from '../lib/cli/send-sink.ts'
import {push} from '../lib/push/push.ts'
import {plainTree} from '../lib/source/plain-tree.ts'
import {parseAddress} from '../lib/store/address.ts'
import {forgetOldest} from '../lib/transfer/oldest.ts'
import type {Speech} from '../lib/cli/speech.ts'
import type {Wire} from '../lib/transfer/peer.ts'

/** Stores that are remembered. */
const REMEMBERED = 16

export default class Offer extends BkCommand {
  static override configurable = false
  static override summary = "send a directory to whoever runs 'bk pull'"
  static override description = prose(`lists DIR and everything below it, as 'bk push DIR' does, and speaks on standard output what 'bk push' speaks to a store on another machine; the answers come on standard input.
It ends when the store there has answered. It is what 'bk pull' starts over ssh, and made to be the forced command of a key: 'bk keys restrict --source DIR'.
Whoever is at the other end gets what is below DIR and nothing else, whatever he answers.`)
  static override examples = [{description: "what 'bk pull web1:/srv STORE' starts at web1", command: 'bk offer -- /srv'}]
  static override args = {dir: requiredOperand('directory, on this machine')}
  static override exitNotes = {
    3: 'Sent, but some files could not be read: the snapshot says it is partial. Or the store was rolled back.',
    65: "The other side does not speak as 'bk pull' does.",
    75: 'The other side has gone.',
    77: 'Refused by the other side. Nothing was committed.',
  }
  static override files = [
    ['$XDG_CACHE_HOME/bk', 'what the last runs saw. It can be removed at any time, and is itself never listed.'],
    ['$XDG_STATE_HOME/bk/offer', 'what was sent to whom. Losing it costs time, never data. It is never listed either.'],
  ] as const
  static override hidden = true
  static override seeAlso = ['bk-pull(1)', 'bk-push(1)', 'bk-keys-restrict(1)', 'bk-forced(1)']

  async run(): Promise<ExitStatus> {
    const {args} = await this.parse(Offer)
    if (parseAddress(args.dir).kind !== 'local') throw usageError(`${args.dir} is not on this machine`, `a path with a colon in it is written ./${args.dir}`)
    requireNotTerminal('a dialogue', "it is started over ssh, by 'bk pull'")
    // Of what is no problem nobody over there would want to hear every night.
    const speech = this.speech({quiet: true})
    const said = this.speech()
    const sink = this.#openSink(speech, said)
    sink.catch(() => {})
    const tree = await plainTree(resolve(args.dir), undefined, {speech, env: process.env})
    const progress = createProgress({label: this.calledAs, quiet: true})
    await push(tree, {sink}, sendOptions({compress: undefined, jobs: undefined}, speech, progress, () => undefined))
    return speech.status()
  }

  async #openSink(speech: Speech, said: Speech): Promise<Sink> {
    const memory = `${stateDirectory()}/offer`
    const destination = await meetPeer(stdio, {
      nameOf: ({store, set}) => `the store that pulls (${store.slice(0, 8)}, set ${set})`,
      baseText: undefined,
      memory,
      onWarning: (text, hint) => {
        speech.warn(text)
        if (hint !== undefined) speech.hint(hint)
      },
      onCommitted: () => {
        for (const folder of ['seen', 'sent']) forgetOldest(`${memory}/${folder}`, REMEMBERED)
      },
      onForgotten: (error) => said.note(`what was sent cannot be remembered, so that more is read the next time: ${reasonOf(error)}`),
    })
    return sinkOf({destination, sentBytes: () => undefined, close: async () => {}})
  }
}

const stdio: Wire = {
  write: writeParts,
  // It stays open: ssh would not tell of its end before that of stderr, and the answer is waited for anyway.
  end: async () => {},
  pieces: {[Symbol.asyncIterator]: () => openInput('-', "answers of 'bk pull'")[Symbol.asyncIterator]()},
  failure: async () => new BkError('the other side has gone', {status: exitStatus.tryLater}),
}
