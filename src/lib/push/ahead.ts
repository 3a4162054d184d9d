/*
 * Lets work begin before anybody asks for its results: a tree is walked while ssh still connects, and while what was found is compared.
 */

/**
 * Takes items from the start on, as far as `most` bytes (or characters) of them wait, and gives them out in order. An error comes where it happened.
 * `return` ends the work.
 */
export function ahead<Item extends {readonly length: number}>(items: AsyncIterable<Item>, most: number): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]()
  const waiting: Item[] = []
  let held = 0
  let end: {readonly failure?: {readonly error: unknown}} | undefined
  // Who takes, and who fetches, when there is nothing to do.
  let wakeTaker = (): void => {}
  let wakeFetcher = (): void => {}

  const fetch = async (): Promise<void> => {
    try {
      for (;;) {
        while (held > most && end === undefined) await new Promise<void>((resolve) => (wakeFetcher = resolve))
        const next = end === undefined ? await iterator.next() : await iterator.return?.()
        if (next === undefined || next.done === true) break
        waiting.push(next.value)
        held += next.value.length
        wakeTaker()
      }
      end ??= {}
    } catch (error) {
      end ??= {failure: {error}}
    }
    wakeTaker()
  }
  const fetching = fetch()

  const take = async function* (): AsyncGenerator<Item> {
    for (;;) {
      const item = waiting.shift()
      if (item !== undefined) {
        held -= item.length
        wakeFetcher()
        yield item
      } else if (end !== undefined) break
      else await new Promise<void>((resolve) => (wakeTaker = resolve))
    }
    if (end.failure !== undefined) throw end.failure.error
  }
  const taking = take()
  return Object.assign(taking, {
    // Of a generator that has not begun `return` would end nothing.
    return: async (value: unknown): Promise<IteratorResult<Item>> => {
      end ??= {}
      wakeFetcher()
      wakeTaker()
      await fetching
      return {done: true, value}
    },
  })
}
