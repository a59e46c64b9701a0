import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

// What rest-api.md shows: the operations of openapi.yaml, which is generated from the code.

interface Operation {
  summary: string
  description?: string
  tags: string[]
  parameters?: { name: string; in: string; description?: string; required?: boolean }[]
  responses: Record<string, { description?: string; $ref?: string }>
}

export interface ShownOperation {
  method: string
  path: string
  summary: string
  description: string
  parameters: { name: string; place: string; about: string }[]
  answers: { status: string; about: string }[]
}

export interface Group {
  tag: string
  operations: ShownOperation[]
}

export declare const data: Group[]

const document = new URL('../../openapi.yaml', import.meta.url)
const methods = new Set(['get', 'put', 'post', 'patch', 'delete'])

export default {
  watch: ['../../openapi.yaml'],
  load(): Group[] {
    const { paths, components }: { paths: Record<string, Record<string, Operation>>; components: Components } = parse(
      readFileSync(document, 'utf8'),
    )
    const groups = new Map<string, ShownOperation[]>()
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (!methods.has(method)) continue
        const [tag = 'other'] = operation.tags
        const shown = groups.get(tag) ?? []
        shown.push(shownOperation(path, method, operation, components))
        groups.set(tag, shown)
      }
    }
    return Array.from(groups, ([tag, operations]) => ({ tag, operations }))
  },
}

interface Components {
  parameters?: Record<string, NonNullable<Operation['parameters']>[number]>
  responses?: Record<string, { description?: string }>
}

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

function shownOperation(path: string, method: string, operation: Operation, components: Components): ShownOperation {
  const parameters = (operation.parameters ?? []).map((parameter) =>
    '$ref' in parameter ? (components.parameters?.[nameOf(String(parameter.$ref))] ?? parameter) : parameter,
  )
  return {
    method: method.toUpperCase(),
    path,
    summary: operation.summary,
    description: operation.description ?? '',
    parameters: parameters.map(({ name, in: place, description = '' }) => ({ name, place, about: description })),
    answers: Object.entries(operation.responses).map(([status, { description, $ref }]) => ({
      status,
      about: description ?? ($ref === undefined ? '' : (components.responses?.[nameOf($ref)]?.description ?? '')),
    })),
  }
}
