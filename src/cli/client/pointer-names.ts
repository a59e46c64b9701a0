/** A JSON Pointer of a problem as the user knows it: by the flag that gave the value, else as it is. */
export function pointerNames(pointer: string, flags: ReadonlyMap<string, string>): string {
  const [, first = '', second = ''] = pointer.split('/')
  const flag = first === 'input' ? flags.get(second) : undefined
  if (flag === undefined) return pointer === '' ? 'the request' : pointer
  const rest = pointer.split('/').slice(3)
  return `--${flag}${rest.length > 0 ? ` /${rest.join('/')}` : ''}`
}
