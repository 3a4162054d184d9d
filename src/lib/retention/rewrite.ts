/*
 * Writes packs anew with what is needed of them, and nothing else. What is read is checked; what was written is durable.
 */
import {reasonOf} from '../cli/errors.ts'
import {isDamage} from '../store/is-damage.ts'
import {asMember, Packer} from '../transfer/packer.ts'
import {memberBytes, PackReader, verified} from '../store/objects.ts'
import {packName} from '../store/store.ts'
import {idsIn, type NeededPack} from './inventory.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {StoreLog} from '../store/log.ts'
import type {LiveObjects} from '../history/live.ts'

/** As a writer's. */
const LEVEL = 1

export interface RewriteOptions {
  /** Sixteen random bytes. */
  readonly lead: () => Uint8Array
  /** Says what is left as it is, and why. */
  readonly warn: (text: string) => void
}

/**
 * Writes what is needed of some packs into others. What cannot be read of a pack is taken from any other that has it; one of which something is
 * lost is left alone, and `warn` hears of it.
 */
export async function rewrite<Pack extends NeededPack>(
  log: StoreLog,
  group: readonly Pack[],
  live: LiveObjects,
  {lead, warn}: RewriteOptions,
): Promise<{written: Pack[]; packs: CataloguedPack[]}> {
  const {store} = log
  const packs: CataloguedPack[] = []
  const written: Pack[] = []
  const taken = new Set<string>()
  const packer = new Packer({
    level: LEVEL,
    lead,
    async onPack({name, size, parts, ids}) {
      await store.put(packName(name), parts, false)
      packs.push({name, size, ids})
    },
  })
  const isWanted = (id: string): boolean => live.has(id) && !taken.has(id)
  const take = async (id: string, bytes: Buffer): Promise<void> => {
    await packer.add(asMember(id, bytes))
    taken.add(id)
  }
  for (const pack of group) {
    const reader = new PackReader(store)
    // An index, which shares its pack with nothing.
    const ids = pack.isSick ? await idsIn(log, pack) : undefined
    if (ids?.length === 1) await packer.flush()
    try {
      if (!(await copyFrames(reader, pack, isWanted, take))) {
        for (const id of (ids ?? (await idsIn(log, pack))).filter(isWanted)) await take(id, await live.read(id, reader))
      }
      written.push(pack)
    } catch (error) {
      if (!isDamage(error)) throw error
      warn(`pack ${pack.name} is left as it is: ${reasonOf(error)}`)
    }
    if (ids?.length === 1) await packer.flush()
  }
  await packer.flush()
  return {written, packs}
}

/* Frame by frame, as far as that goes; false where not all can be read. */
async function copyFrames(reader: PackReader, {name}: NeededPack, isWanted: (id: string) => boolean, take: (id: string, bytes: Buffer) => Promise<void>): Promise<boolean> {
  const frames = await unlessDamaged(() => reader.toc(name))
  let isWhole = frames !== undefined
  for (const frame of frames ?? []) {
    if (!frame.members.some(({id}) => isWanted(id))) continue
    const content = await unlessDamaged(() => reader.frame(name, frame))
    for (const [at, {id}] of frame.members.entries()) {
      if (!isWanted(id)) continue
      const bytes = content === undefined ? undefined : await unlessDamaged(async () => verified(id, memberBytes(content, frame, at)))
      if (bytes === undefined) isWhole = false
      else await take(id, bytes)
    }
  }
  return isWhole
}

async function unlessDamaged<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}
