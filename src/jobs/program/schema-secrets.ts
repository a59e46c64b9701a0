import { findReference, isLocal } from './inline-references.ts'

/** Keywords whose schemas hold for the value itself. */
const same = ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else', 'not']
/** Keywords whose schema holds for any member or element. */
const any = ['items', 'additionalProperties', 'unevaluatedProperties', 'unevaluatedItems', 'contains']

/** Where values of a JSON Schema have secrets: what is marked with `"secret": true`. See `secretPaths`. */
export function secretsInSchema(root: unknown): string[][] {
  const found: string[][] = []
  const recursions: string[][] = []
  const visit = (schema: unknown, path: string[], open: readonly unknown[]): void => {
    if (typeof schema !== 'object' || schema === null) return
    if (open.includes(schema)) return void recursions.push(path)
    const inside = [...open, schema]
    const members: Record<string, unknown> = { ...schema }
    if (members['secret'] === true) return void found.push(path)
    const { $ref: reference } = members
    if (isLocal(reference)) visit(findReference(root, reference), path, inside)
    for (const part of same.flatMap((name) => members[name] ?? [])) visit(part, path, inside)
    for (const name of any) visit(members[name], [...path, '*'], inside)
    for (const part of Object.values(Object(members['patternProperties']))) visit(part, [...path, '*'], inside)
    for (const [name, part] of Object.entries(Object(members['properties']))) visit(part, [...path, name], inside)
    for (const [n, part] of Object.entries(Object(members['prefixItems']))) visit(part, [...path, n], inside)
  }
  visit(root, [], [])
  return found.length > 0 ? [...found, ...recursions] : []
}
