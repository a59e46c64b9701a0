import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

interface Operation {
  operationId: string
  parameters?: { name: string; in: string }[]
  responses: Record<string, { links?: Record<string, { $ref: string }>; content?: Record<string, unknown> }>
}
interface Document {
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, Record<string, Operation>>
  components: {
    links: Record<string, { operationId: string; parameters: Record<string, string> }>
    schemas: Record<string, { properties?: Record<string, { type?: unknown; enum?: unknown }> }>
  }
}

async function readDocument(): Promise<{ document: Document; operations: Map<string, Operation> }> {
  const text = await readFile(new URL('../../../../openapi.yaml', import.meta.url), 'utf8')
  const document = parse(text) as Document
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  return { document, operations: new Map(all.map((operation) => [operation.operationId, operation])) }
}

test('whatever a submission or a schedule answers with links to operations that take its id', async () => {
  const { document, operations } = await readDocument()
  const { links } = document.components
  for (const { operationId, parameters } of Object.values(links)) {
    const named = operations.get(operationId)?.parameters?.map(({ name }) => name)
    expect(named, operationId).toEqual(expect.arrayContaining(Object.keys(parameters)))
  }
  for (const [operationId, status, expected] of [
    ['submitJob', '202', ['readJob', 'streamJobEvents', 'cancelJob']],
    ['submitJob', '200', ['readJobOutput']],
    ['runSleep', '202', ['readJob', 'cancelJob']],
    ['submitFlow', '202', ['readFlow', 'streamFlowEvents', 'readFlowResults', 'cancelFlow']],
    ['putSchedule', '201', ['readSchedule', 'deleteSchedule']],
  ] as const) {
    const given = operations.get(operationId)?.responses[status]?.links ?? {}
    expect(Object.keys(given), `${operationId} ${status}`).toEqual(expect.arrayContaining([...expected]))
    for (const { $ref } of Object.values(given)) expect(links).toHaveProperty([$ref.split('/').at(-1) ?? ''])
  }
})

test('streams, lines and parts have their own media types', async () => {
  const { operations } = await readDocument()
  const typesOf = (operationId: string, status: string) =>
    Object.keys(operations.get(operationId)?.responses[status]?.content ?? {})
  for (const stream of ['streamJobEvents', 'streamFlowEvents']) {
    expect(typesOf(stream, '200')).toEqual(['text/event-stream'])
    expect(typesOf(stream, '204')).toEqual([])
  }
  for (const lines of ['readJobValues', 'readFlowResults'])
    expect(typesOf(lines, '200')).toEqual(['application/json', 'application/x-ndjson'])
  // A part of JSON has no schema.
  for (const payload of ['readJobInput', 'readJobOutput'])
    expect(operations.get(payload)?.responses['206']?.content).toEqual({ 'application/json': {} })
})

test('generators find a name of its own for each schema', async () => {
  const { document } = await readDocument()
  const { schemas } = document.components
  // Java has these without an import, and a client that imports all models cannot tell them apart.
  const ofJava =
    'Boolean Byte Character Class Double Error Float Integer Long Math Module Number Object Package Process Record Runtime Short String System Thread Void'
  expect(Object.keys(schemas).filter((name) => ofJava.split(' ').includes(name))).toEqual([])
  // An object or an enumeration without a name is named by its schema and property.
  const made = Object.entries(schemas).flatMap(([name, { properties = {} }]) =>
    Object.entries(properties)
      .filter(([, { type, enum: choices }]) => type === 'object' || choices !== undefined)
      .map(([property]) => name + property.replaceAll(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())),
  )
  expect(made.filter((name) => name in schemas)).toEqual([])
})
