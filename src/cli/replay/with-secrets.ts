import type { Doc } from '../client/document.ts'

/** A copy of an input with the values of `secrets` in place of masks. @param pointers JSON Pointers to the masks */
export function withSecrets(input: unknown, pointers: readonly string[], secrets: Doc): unknown {
  const whole: unknown[] = [structuredClone(input)]
  for (const pointer of pointers.filter((one) => Object.hasOwn(secrets, one))) {
    const steps = ['0', ...pointer.split('/').slice(1)].map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = steps.pop() ?? ''
    const parent: unknown = steps.reduce((part: unknown, step) => Object(part)[step], whole)
    Reflect.set(Object(parent), last, secrets[pointer])
  }
  return whole[0]
}
