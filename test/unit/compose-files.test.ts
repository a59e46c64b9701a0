import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import packageJson from '../../package.json' with { type: 'json' }
import { redisImage } from '../../src/dev/find-redis.ts'
import { apiVariables } from '../../src/environment/api-variables.ts'
import { workerVariables } from '../../src/environment/worker-variables.ts'

// What can be checked without a Docker engine; test/stack runs the files.

const readText = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8')

const serviceSchema = z.looseObject({
  image: z.string().optional(),
  build: z.object({ args: z.record(z.string(), z.string().nullable()) }).optional(),
  ports: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string().nullable()).optional(),
})
const readServices = (file: string) =>
  z.object({ services: z.record(z.string(), serviceSchema) }).parse(parse(readText(file), { merge: true })).services
const services = readServices('docker-compose.yml')

/** What the image itself sets, and what names a file, which an override file mounts with it. */
const setElsewhere = new Set(['HOST', 'PORT', 'WORKER_HOST', 'WORKER_PORT', 'API_KEYS_FILE', 'REDIS_CA_FILE'])

test.each([
  ['api', apiVariables],
  ['worker-io', workerVariables],
  ['worker-cpu', workerVariables],
] as const)('%s can be given each variable that it reads, and no other', (name, schema) => {
  const passedOn = Object.keys(services[name]?.environment ?? {})
  const read = Object.keys(schema.shape).filter((variable) => !setElsewhere.has(variable))
  expect(passedOn.toSorted()).toEqual(read.toSorted())
})

test('.env.example names what the compose files ask for, and nothing else', () => {
  const named = [...readText('.env.example').matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name)
  const filledIn = [
    ...(readText('docker-compose.yml') + readText('docker-compose.proxy.yml')).matchAll(/\$\{([A-Z_]+)/g),
  ].map(([, name = '']) => name)
  const passedOn = Object.values(services).flatMap(({ environment = {}, build }) =>
    Object.entries({ ...environment, ...build?.args }).flatMap(([name, value]) => (value === null ? [name] : [])),
  )
  expect(named.toSorted()).toEqual([...new Set([...filledIn, ...passedOn])].toSorted())
})

test('the API, and what shows its metrics and traces, are published on the loopback address alone', () => {
  const published = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]))
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: it is Compose that fills it in.
  expect(published).toEqual([
    ['api', '127.0.0.1:${DROVER_PORT-3000}:3000'],
    ['grafana', '127.0.0.1:${GRAFANA_PORT:-3001}:3000'],
    ['otel-collector', '127.0.0.1:${TRACES_PORT:-16686}:16686'],
  ])
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.
})

test('what shows metrics and traces runs on request only, with files that exist', () => {
  for (const name of ['prometheus', 'grafana', 'otel-collector']) {
    const { profiles, volumes = [] } = z
      .looseObject({ profiles: z.array(z.string()), volumes: z.array(z.string()).optional() })
      .parse(services[name])
    expect(profiles).toEqual(['observability'])
    for (const volume of volumes.filter((one) => one.startsWith('./')))
      expect(existsSync(join(import.meta.dirname, '../..', volume.split(':')[0] ?? '')), volume).toBe(true)
  }
})

test('every service is confined alike', () => {
  const { proxy } = readServices('docker-compose.proxy.yml')
  for (const [name, service] of Object.entries({ ...services, proxy })) {
    expect(service, name).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number),
      mem_limit: expect.any(String),
      restart: 'unless-stopped',
      stop_grace_period: expect.any(String),
    })
  }
})

test('base images are named by digest, and the runtime of the image is that of development', () => {
  const digest = /^[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}$/
  expect(redisImage).toMatch(digest)
  const dockerfile = readText('Dockerfile')
  const [nodeImage = '', debianImage = '', ...others] = Array.from(
    dockerfile.matchAll(/^ARG [A-Z]+_IMAGE=(.+)$/gm),
    ([, image = '']) => image,
  )
  expect(others).toEqual([])
  for (const [name, image] of [
    ['NODE_IMAGE', nodeImage],
    ['DEBIAN_IMAGE', debianImage],
  ] as const) {
    expect(image).toMatch(digest)
    expect(services['api']?.build?.args[name]).toBe(`\${${name}:-${image}}`)
    expect(readText('.env.example')).toContain(`#${name}=${image}\n`)
  }
  const bases = Array.from(dockerfile.matchAll(/^FROM (\S+)/gm), ([, base]) => base)
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: it is Docker that fills it in.
  expect(bases).toEqual(['${NODE_IMAGE}', '${DEBIAN_IMAGE}'])
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.
  expect(nodeImage).toContain(`node:${packageJson.devDependencies.node}-`)
  expect(readText('.env.example')).toContain(`#REDIS_IMAGE=${redisImage}\n`)
})

test('the stack does not run a Redis without a password', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Compose that fills it in.
  const password = '${REDIS_PASSWORD-drover}'
  expect(services['redis']).toMatchObject({ environment: { REDISCLI_AUTH: password } })
  expect(String(services['redis']?.['command'])).toContain('requirepass "$$REDISCLI_AUTH"')
  for (const name of ['api', 'worker-io', 'worker-cpu'])
    expect(services[name]?.environment?.['REDIS_PASSWORD']).toBe(password)
})

test('npm start, the tests and the stack run the same Redis', () => {
  expect(services['redis']?.image).toBe(`\${REDIS_IMAGE:-${redisImage}}`)
})

test('nothing waits for the Redis of the stack but the processes themselves, so that another can take its place', () => {
  for (const name of ['api', 'worker-io', 'worker-cpu']) {
    expect(services[name]?.['depends_on']).toBeUndefined()
    expect(services[name]?.environment?.['REDIS_URL']).toMatch(/^\$\{REDIS_URL:-/)
  }
  expect(services['redis']?.['scale']).toMatch(/^\$\{BUNDLED_REDIS:-1\}$/)
})

test('what drover init writes starts from the same images', () => {
  const { redis } = readServices('templates/project/compose.yaml')
  expect(services['redis']?.image).toContain(/:-(.*)}/.exec(redis?.image ?? '')?.[1])
  const node = (file: string) => /^ARG NODE_IMAGE=([^@\n]+)/m.exec(readText(file))?.[1]
  expect(node('templates/project/Dockerfile')).toBe(node('Dockerfile'))
  expect(readText('templates/project/compose.yaml')).toContain(`:-${node('Dockerfile')}}`)
})
