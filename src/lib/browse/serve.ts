/*
 * Read-only SFTP over a BrowseTree: for bk's own restore, sftp(1) and sshfs. One request is answered after the other, so that work and
 * memory are those of one request, whatever comes in. Who asks for something that is not to be had gets a status; who does not speak
 * SFTP ends the session.
 */
import {BkError, errorCode, inputError} from '../cli/errors.ts'
import {exitStatus} from '../cli/exit.ts'
import {attributeFields, KIND, MAX_READ, OPEN_READ, packet, PacketReader, STATUS, VERSION, type Attributes, type Field, type Fields, type Packet} from '../ssh/sftp-packets.ts'
import {calls} from '../sys/calls.ts'
import {described, type BrowseTree, type Listed, type OpenDirectory} from './tree.ts'

export interface BrowseOptions {
  readonly tree: BrowseTree
  /** What the client says. */
  readonly input: AsyncIterable<Buffer>
  /** Takes an answer; resolves when there is room for the next. */
  readonly write: (answer: Buffer) => Promise<void>
  /** Milliseconds from one answer to the next, at most. Bytes alone do not count: a trickle holds nothing open. */
  readonly patience: number
}

/** Files and directories open at a time. */
const MOST_HANDLES = 64

/**
 * Serves until the input ends.
 * @throws BkError 65 for what is no SFTP or cut off, 75 when nothing is asked, or no answer taken, for too long
 */
export async function browse({tree, input, write, patience}: BrowseOptions): Promise<void> {
  const handles = new Handles(tree)
  const expired = Promise.withResolvers<never>()
  const timer = setTimeout(() => expired.reject(new BkError('nothing was asked for too long', {status: exitStatus.tryLater})), patience)
  const serve = async (): Promise<void> => {
    const reader = new PacketReader()
    let isGreeted = false
    for await (const piece of input) {
      for (const request of reader.take(piece)) {
        await write(isGreeted ? answerTo(request, tree, handles) : greet(request))
        isGreeted = true
        timer.refresh()
      }
    }
    if (!reader.isBetween) throw inputError('the request is cut off')
  }
  try {
    await Promise.race([serve(), expired.promise])
  } finally {
    clearTimeout(timer)
    handles.close()
  }
}

function greet({kind, fields}: Packet): Buffer {
  if (kind !== KIND.init || fields.uint32() < VERSION) throw inputError(`this is not the beginning of SFTP version ${VERSION}`)
  return packet(KIND.version, VERSION)
}

type Handle = {readonly kind: 'file'; readonly fd: number} | {readonly kind: 'directory'; readonly directory: OpenDirectory}

/* Everything that is open, each named by four bytes that do not come again. */
class Handles {
  readonly #tree: BrowseTree
  readonly #open = new Map<string, Handle>()
  #last = 0

  constructor(tree: BrowseTree) {
    this.#tree = tree
  }

  /** Opens what is at a path; undefined where there is nothing of that kind, `full` when too much is open. */
  open(kind: Handle['kind'], path: string): string | 'full' | undefined {
    if (this.#open.size >= MOST_HANDLES) return 'full'
    const handle = kind === 'file' ? this.#openFile(path) : this.#openDirectory(path)
    if (handle === undefined) return undefined
    const name = Buffer.alloc(4)
    name.writeUInt32BE(++this.#last)
    this.#open.set(name.toString('latin1'), handle)
    return name.toString('latin1')
  }

  #openFile(path: string): Handle | undefined {
    const fd = this.#tree.openFile(path)
    return fd === undefined ? undefined : {kind: 'file', fd}
  }

  #openDirectory(path: string): Handle | undefined {
    const directory = this.#tree.openDirectory(path)
    return directory === undefined ? undefined : {kind: 'directory', directory}
  }

  get(name: string): Handle | undefined {
    return this.#open.get(name)
  }

  remove(name: string): boolean {
    const handle = this.#open.get(name)
    if (handle === undefined) return false
    this.#open.delete(name)
    if (handle.kind === 'file') calls.close(handle.fd)
    else handle.directory.close()
    return true
  }

  close(): void {
    for (const name of this.#open.keys()) this.remove(name)
  }
}

function answerTo({kind, fields}: Packet, tree: BrowseTree, handles: Handles): Buffer {
  const id = fields.uint32()
  try {
    switch (kind) {
      case KIND.realpath:
        return realpath(id, tree.absolute(fields.text()))
      case KIND.stat:
      case KIND.lstat:
        return attributes(id, tree.stat(fields.text()))
      case KIND.fstat:
        return attributes(id, fstat(handles.get(fields.text())))
      case KIND.open:
        return opened(id, fields, handles)
      case KIND.opendir:
        return handleAnswer(id, handles.open('directory', fields.text()))
      case KIND.read:
        return read(id, handles.get(fields.text()), fields)
      case KIND.readdir:
        return readdir(id, handles.get(fields.text()))
      case KIND.close:
        return status(id, handles.remove(fields.text()) ? STATUS.ok : STATUS.failure)
      case KIND.write: case KIND.setstat: case KIND.fsetstat: case KIND.remove: case KIND.mkdir: case KIND.rmdir: case KIND.rename: case KIND.symlink: case KIND.readlink:
        return status(id, STATUS.permissionDenied)
      default:
        return status(id, STATUS.unsupported)
    }
  } catch (error) {
    // A disk that does not give what it has.
    if (errorCode(error) !== undefined) return status(id, STATUS.failure)
    throw error
  }
}

const WORDS: Readonly<Record<number, string>> = {
  [STATUS.ok]: 'ok', [STATUS.eof]: 'end of file', [STATUS.noSuchFile]: 'no such file', [STATUS.permissionDenied]: 'this is read-only',
  [STATUS.failure]: 'failed', [STATUS.unsupported]: 'not supported',
}

function status(id: number, code: number): Buffer {
  return packet(KIND.status, id, code, WORDS[code] ?? '', '')
}

function opened(id: number, fields: Fields, handles: Handles): Buffer {
  const path = fields.text()
  if (fields.uint32() !== OPEN_READ) return status(id, STATUS.permissionDenied)
  return handleAnswer(id, handles.open('file', path))
}

function handleAnswer(id: number, handle: string | undefined): Buffer {
  if (handle === 'full') return status(id, STATUS.failure)
  return handle === undefined ? status(id, STATUS.noSuchFile) : packet(KIND.handle, id, handle)
}

function read(id: number, handle: Handle | undefined, fields: Fields): Buffer {
  if (handle?.kind !== 'file') return status(id, STATUS.failure)
  const offset = fields.uint64()
  const bytes = Buffer.allocUnsafe(Math.min(fields.uint32(), MAX_READ))
  const length = Number.isSafeInteger(offset) && bytes.length > 0 ? calls.read(handle.fd, bytes, 0, bytes.length, offset) : 0
  return length === 0 ? status(id, STATUS.eof) : packet(KIND.data, id, bytes.subarray(0, length))
}

function readdir(id: number, handle: Handle | undefined): Buffer {
  if (handle?.kind !== 'directory') return status(id, STATUS.failure)
  const listed = handle.directory.next()
  if (listed.length === 0) return status(id, STATUS.eof)
  return packet(KIND.name, id, listed.length, ...listed.flatMap((each): Field[] => [each.name, longName(each), ...attributeFields(each)]))
}

/* What `ls -l` of sftp(1) shows. */
function longName({name, mode = 0, size = 0, time = 0}: Listed): string {
  const isDirectory = (mode & 0o040000) !== 0
  const date = new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' ')
  return `${isDirectory ? 'dr-xr-xr-x' : '-r--r--r--'} ${String(size).padStart(12)} ${date} ${name}`
}

function realpath(id: number, path: string | undefined): Buffer {
  return path === undefined ? status(id, STATUS.noSuchFile) : packet(KIND.name, id, 1, path, path, 0)
}

function attributes(id: number, found: Attributes | undefined): Buffer {
  return found === undefined ? status(id, STATUS.noSuchFile) : packet(KIND.attrs, id, ...attributeFields(found))
}

function fstat(handle: Handle | undefined): Attributes | undefined {
  return handle?.kind === 'file' ? described(calls.fstat(handle.fd)) : undefined
}
