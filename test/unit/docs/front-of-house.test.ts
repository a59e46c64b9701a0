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

test('a release signs its provenance and its list of packages, with the rights for that and no others', () => {
  const text = read('.github/workflows/release.yml')
  const { permissions, jobs } = z
    .object({ permissions: z.unknown(), jobs: z.object({ image: z.looseObject({ permissions: z.unknown() }) }) })
    .parse(parse(text))
  expect(permissions).toEqual({ contents: 'read' })
  expect(jobs.image.permissions).toEqual({
    contents: 'read',
    packages: 'write',
    'id-token': 'write',
    attestations: 'write',
  })
  for (const step of [
    'npm run -s sbom',
    'actions/attest-build-provenance@',
    'actions/attest-sbom@',
    '--provenance mode=max',
  ])
    expect(text).toContain(step)
})
