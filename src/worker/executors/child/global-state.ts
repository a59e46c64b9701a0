import { EventEmitter } from 'node:events'
import fs from 'node:fs'

type Key = string | symbol

/** What nearly all code uses. */
const common = {
  ...{ Object, Function, Array, String, Number, Boolean, Symbol, Promise, Map, Set, WeakMap, Date, RegExp, Error },
  ...{ JSON, Math, Reflect, console, process, Buffer, EventEmitter },
}

/** Objects to which added properties change what other code does: it sees them by inheritance, as a global, or as a hook. */
const counted = new Set<object>([globalThis, Error])
for (const { prototype } of [Object, Function, Array, String, Number, Boolean, Promise, Map, Set, Date, RegExp, Error])
  counted.add(prototype)

/** Properties that change without being patched: the listeners of a process are compared by count elsewhere. */
const volatile = new Set<Key>(['_events', '_eventsCount', '_maxListeners', '_exiting', 'exitCode', '_exitCode'])

/**
 * Remembers the common global objects, their prototypes and `fs`, and finds what was patched since.
 *
 * It sees a replaced, removed or redefined function or object among their properties, and an added property where that matters.
 * It does not see changes further inside, nor variables of modules. Since each run pays for it, it compares flat lists by plain
 * loads: property descriptors would take five times as long, and all built-in modules three times (measured).
 */
export class GlobalState {
  readonly #objects: Record<Key, unknown>[] = []
  readonly #keys: Key[] = []
  readonly #values: unknown[] = []
  readonly #accessors: { object: object; key: Key; before: PropertyDescriptor }[] = []
  readonly #keyLists: { object: object; keys: readonly Key[]; list: (object: object) => readonly Key[] }[] = []
  readonly #names = new Map<object, string>()

  /** Takes the present state as the one to compare with. */
  accept(): void {
    for (const list of [this.#objects, this.#keys, this.#values, this.#accessors, this.#keyLists]) list.length = 0
    for (const [object, name] of watchedObjects()) {
      this.#names.set(object, name)
      for (const key of Reflect.ownKeys(object)) this.#watch(object, key)
      if (counted.has(object)) this.#countKeys(object, Object.getOwnPropertyNames)
    }
    // Such as the dispatcher that all calls of the global `fetch` use.
    this.#countKeys(globalThis, Object.getOwnPropertySymbols)
  }

  #countKeys(object: object, list: (object: object) => readonly Key[]): void {
    this.#keyLists.push({ object, keys: list(object), list })
  }

  /** One property that was changed, as in `JSON.stringify`; undefined when none was. */
  findChange(): string | undefined {
    const index = this.#findReplaced()
    if (index >= 0) return this.#nameOf(this.#objects[index] ?? {}, this.#keys[index] ?? '')
    const redefined = this.#accessors.find(isRedefined)
    if (redefined) return this.#nameOf(redefined.object, redefined.key)
    const grown = this.#keyLists.find(({ object, keys, list }) => list(object).length !== keys.length)
    if (!grown) return undefined
    const added = grown.list(grown.object).find((key) => !grown.keys.includes(key))
    return this.#nameOf(grown.object, added ?? '(unknown)')
  }

  #findReplaced(): number {
    const [objects, keys, values] = [this.#objects, this.#keys, this.#values]
    for (let i = 0; i < objects.length; i++) {
      if (objects[i]?.[keys[i] ?? ''] !== values[i]) return i
    }
    return -1
  }

  #watch(object: object, key: Key): void {
    const before = Object.getOwnPropertyDescriptor(object, key)
    if (!before || (object === process && volatile.has(key))) return
    const { value }: { value?: unknown } = before
    if (before.get || before.set) {
      this.#accessors.push({ object, key, before })
    } else if (
      typeof value === 'function' ||
      typeof value === 'object' ||
      (counted.has(object) && !Number.isNaN(value))
    ) {
      this.#objects.push(object as Record<Key, unknown>)
      this.#keys.push(key)
      this.#values.push(value)
    }
  }

  #nameOf(object: object, key: Key): string {
    return `${this.#names.get(object)}.${typeof key === 'symbol' ? (key.description ?? 'symbol') : key}`
  }
}

function isRedefined({ object, key, before }: { object: object; key: Key; before: PropertyDescriptor }): boolean {
  const now = Object.getOwnPropertyDescriptor(object, key)
  if (now === undefined) return true
  if (now.get !== undefined || now.set !== undefined) return now.get !== before.get || now.set !== before.set
  // Node.js replaces its lazy accessors by their value on first use. Only its own getter knows the original.
  return now.value !== before.get?.call(object)
}

/** The objects to watch, with their names. */
function watchedObjects(): Map<object, string> {
  const watched = new Map<object, string>([
    [globalThis, 'globalThis'],
    [Object.getPrototypeOf(Uint8Array.prototype), 'TypedArray.prototype'],
    [Object.getPrototypeOf(async () => {}), 'AsyncFunction.prototype'],
    [Object.getPrototypeOf([][Symbol.iterator]()), 'ArrayIterator.prototype'],
    [fs, 'fs'],
    [fs.promises, 'fs.promises'],
  ])
  for (const [name, value] of Object.entries(common)) {
    watched.set(value, name)
    if ('prototype' in value) watched.set(value.prototype, `${name}.prototype`)
  }
  return watched
}
