import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const version = z.object({ version: z.string() })
const lockFile = version.extend({ packages: z.object({ '': version }) })

test('package.json, its lock file, openapi.yaml and the Kubernetes manifests have one version', () => {
  const { version: released } = version.parse(JSON.parse(read('package.json')))
  const lock = lockFile.parse(JSON.parse(read('package-lock.json')))
  expect(lock).toMatchObject({ version: released, packages: { '': { version: released } } })
  expect(parse(read('openapi.yaml'))).toMatchObject({ info: { version: released } })
  expect(parse(read('deploy/kubernetes/base/kustomization.yaml'))).toMatchObject({ images: [{ newTag: released }] })
})

test('the changelog begins with Unreleased, and its newest release is the version of the code', () => {
  const { version: released } = version.parse(JSON.parse(read('package.json')))
  const [first, second] = Array.from(read('CHANGELOG.md').matchAll(/^## (\S+)/gm), ([, title]) => title)
  expect([first, second]).toEqual(['Unreleased', released])
})

test('the CI of the forge runs .ci/run', () => {
  const step = z.looseObject({ run: z.string().optional() })
  const workflow = z.object({ jobs: z.record(z.string(), z.looseObject({ steps: z.array(step) })) })
  const { jobs } = workflow.parse(parse(read('.github/workflows/ci.yml')))
  const commands = Object.values(jobs).flatMap(({ steps }) => steps.map(({ run }) => run))
  expect(commands).toContain('.ci/run')
})
