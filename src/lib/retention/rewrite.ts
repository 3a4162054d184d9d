/*
 * Writes packs anew with what is needed of them, and nothing else. What is read is checked; what was written is durable.
 */
import {isFailure, reasonOf} from '../cli/errors.ts'
import {asMember, Packer} from '../transfer/packer.ts'
import {memberBytes, PackReader, verified} from '../store/objects.ts'
import {packName} from '../store/store.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {StoreLog} from '../store/log.ts'
import type {LiveObjects} from '../verify/live.ts'
import type {NeededPack} from './inventory.ts'

/** As a writer's. */
const LEVEL = 1

export interface RewriteOptions {
  /** Sixteen random bytes. */
  readonly lead: () => Uint8Array
  /** Says what is left as it is, and why. */
  readonly warn: (text: string) => void
}

/** Writes what is needed of some packs into others. A pack that cannot be read is left alone, and `warn` hears of it. */
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
  for (const pack of group) {
    const reader = new PackReader(store)
    try {
      for (const frame of await reader.toc(pack.name)) {
        if (!frame.members.some(({id}) => live.has(id) && !taken.has(id))) continue
        const content = await reader.frame(pack.name, frame)
        for (const [at, {id}] of frame.members.entries()) {
          if (!live.has(id) || taken.has(id)) continue
          await packer.add(asMember(id, verified(id, memberBytes(content, frame, at))))
          taken.add(id)
        }
      }
      written.push(pack)
    } catch (error) {
      if (!isFailure(error)) throw error
      warn(`pack ${pack.name} is left as it is: ${reasonOf(error)}`)
    }
  }
  await packer.flush()
  return {written, packs}
}
