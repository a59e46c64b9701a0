/** What a JSON Pointer (RFC 6901) leads to; undefined where there is nothing. */
export function atPointer(value: unknown, pointer: string): unknown {
  if (pointer === '') return value
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((part, step) => {
      if (typeof part !== 'object' || part === null || !Object.hasOwn(part, step)) return undefined
      return Reflect.get(part, step)
    }, value)
}
