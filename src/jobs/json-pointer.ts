/** A key as one step of a JSON Pointer (RFC 6901). */
export function escapePointer(key: PropertyKey): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1')
}

/** The JSON Pointer of what lies at `path` of the value at `base`. */
export function pointerTo(base: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((pointer, key) => `${pointer}/${escapePointer(key)}`, base)
}
