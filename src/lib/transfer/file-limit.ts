/*
 * The limit for single files. It is for what is new: a file that the set's snapshot before had already, under whatever name, goes on
 * being backed up, or a limit that is lowered one day would end every backup there is.
 */
import {formatSize} from '../cli/units.ts'
import {groupsOf, readChain} from '../store/levels.ts'
import {refused} from '../store/limits.ts'
import {Objects} from '../store/objects.ts'
import type {Group} from '../index/group.ts'
import type {StoreLog} from '../store/log.ts'
import type {SnapshotRecord} from '../store/record.ts'

const FILE = / size=(\d+) time=\S* .*sha256=([0-9a-f]{64})$/

/** A file's size and the digest of its content; undefined for what is no file. */
function contentOf({line, path}: Group): {readonly size: number; readonly digest: string} | undefined {
  if (!line.startsWith(' type=file', path.length)) return undefined
  const match = FILE.exec(line)
  return match === null ? undefined : {size: Number(match[1]), digest: match[2]!}
}

export class FileLimit {
  readonly #log: StoreLog
  readonly #before: SnapshotRecord | undefined
  readonly #most: number
  #large: Map<string, number> | undefined

  /**
   * @param before the newest snapshot of the set
   * @param most bytes of a file
   */
  constructor(log: StoreLog, before: SnapshotRecord | undefined, most: number) {
    this.#log = log
    this.#before = before
    this.#most = most
  }

  /** Looks at an entry; throws BkError 77. Nothing to wait for in most cases. */
  check(group: Group): Promise<void> | undefined {
    const content = contentOf(group)
    return content === undefined || content.size <= this.#most ? undefined : this.#mustBeOld(group.path, content)
  }

  async #mustBeOld(path: string, {size, digest}: {readonly size: number; readonly digest: string}): Promise<void> {
    this.#large ??= await this.#digestsBefore()
    // The digest alone would not do: what it is said of may be any chunks.
    if (this.#large.get(digest) !== size) throw refused('max-file', `${path.slice(0, 200)} has ${size} bytes, the limit is ${this.#most} (${formatSize(this.#most)})`)
  }

  async #digestsBefore(): Promise<Map<string, number>> {
    const digests = new Map<string, number>()
    if (this.#before === undefined) return digests
    const objects = await Objects.of(this.#log, this.#before)
    for await (const batch of groupsOf(await readChain(this.#before.index.id, (id) => objects.get(id)))) {
      for (const group of batch) {
        const content = contentOf(group)
        if (content !== undefined && content.size > this.#most) digests.set(content.digest, content.size)
      }
    }
    return digests
  }
}
