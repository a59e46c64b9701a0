/** A chain's step or a map, that a reference was made for. */
export interface Scope {
  readonly kind: '$output' | '$item'
}

declare const referred: unique symbol

/** Stands for a value that is known later, of the type `T`. Its members stand for the members of that value: `ref.pages[0].url`. */
export type Ref<T> = { readonly [referred]: T } & (unknown extends T ? AnyMembers : Members<NonNullable<T>>)

interface AnyMembers {
  readonly [key: string]: Ref<unknown>
}

/** Named one by one, so that they are never `undefined` where a compiler checks index signatures. */
type LowIndex = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

type Members<T> = T extends readonly (infer E)[]
  ? Readonly<Record<LowIndex, Ref<E>>> & { readonly [index: number]: Ref<E> }
  : T extends object
    ? { readonly [K in keyof T]-?: Ref<T[K]> }
    : unknown

/** A `T` of which any part may be a reference. */
export type Refs<T> =
  | T
  | Ref<T>
  | (T extends readonly (infer E)[] ? readonly Refs<E>[] : T extends object ? { [K in keyof T]: Refs<T[K]> } : never)

/** What stands behind a reference: where it was made, and its JSON Pointer (RFC 6901). */
const places = new WeakMap<object, { scope: Scope; pointer: string }>()

/** A reference to what `scope` stands for, whole or in part. */
export function refTo<T>(scope: Scope, pointer = ''): Ref<T> {
  // The target is what JSON.stringify writes, wherever a reference gets.
  const ref = new Proxy(
    { [scope.kind]: pointer },
    {
      get: (target, key) =>
        typeof key === 'symbol'
          ? Reflect.get(target, key)
          : refTo(scope, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    },
  )
  places.set(ref, { scope, pointer })
  return ref as unknown as Ref<T>
}

const reserved = ['$output', '$item', '$literal']

/**
 * A JSON value in which references are as the server takes them, and data that only looks like one is marked as data.
 *
 * @param open gets the scopes of the references
 */
export function withReferences(value: unknown, open: Set<Scope>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const place = places.get(value)
  if (place) {
    open.add(place.scope)
    return { [place.scope.kind]: place.pointer }
  }
  if (Array.isArray(value)) return value.map((inner: unknown) => withReferences(inner, open))
  if ('toJSON' in value && typeof value.toJSON === 'function') return withReferences(value.toJSON(), open)
  const inner = new Set<Scope>()
  const made = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withReferences(part, inner)]))
  for (const scope of inner) open.add(scope)
  if (!reserved.some((key) => Object.hasOwn(value, key))) return made
  if (inner.size > 0)
    throw new TypeError(`An object with a key of ${reserved.join(', ')} cannot have references in it.`)
  return { $literal: value }
}
