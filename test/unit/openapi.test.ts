import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { generateOpenapi } from '../../src/api/generate-openapi.ts'
import { pascalCase } from '../../src/api/openapi/pascal-case.ts'
import { loadRegistry } from '../../src/jobs/registry.ts'

test('openapi.yaml is what the code serves (npm run openapi writes it)', async () => {
  expect(await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8')).toBe(await generateOpenapi())
})

test('each job type is a variant of the submission, with its type as discriminator and its examples', async () => {
  const document = parse(await generateOpenapi())
  expect(document.openapi).toBe('3.1.0')
  const body = document.paths['/v1/jobs'].post.requestBody.content['application/json']
  expect(body.schema).toEqual({ $ref: '#/components/schemas/JobSubmission' })
  const schema = document.components.schemas.JobSubmission
  const registry = await loadRegistry({ diagnosticJobs: true })
  expect(Object.keys(schema.discriminator.mapping).toSorted()).toEqual([...registry.keys()].toSorted())
  for (const [type, { job }] of registry) {
    const variant = document.components.schemas[`Submit${pascalCase(type)}`]
    expect(variant.properties.type.const).toBe(type)
    const plain = job.examples.map(({ input }) => ({ type, input }))
    expect(variant.examples.slice(0, plain.length)).toEqual(plain)
  }
})
