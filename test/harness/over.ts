import type {Store} from '../../src/lib/store/store.ts'

/** `store`, some of whose calls are others. */
export function over(store: Store, calls: Partial<Store>): Store {
  return new Proxy<Store>(store, {
    get(_, name: keyof Store) {
      const value = calls[name] ?? store[name]
      return typeof value === 'function' ? value.bind(store) : value
    },
  })
}
