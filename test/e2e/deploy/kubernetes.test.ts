import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ScaledObject, TriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1'
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import { expect, inject, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import packageJson from '../../../package.json' with { type: 'json' }
import { apiVariables } from '../../../src/environment/api-variables.ts'
import { workerStopMs } from '../../../src/environment/stop-time.ts'
import { workerVariables } from '../../../src/environment/worker-variables.ts'
import { readEnvironment } from '../../../src/environment.ts'
import { loadRegistry, queuesOf } from '../../../src/jobs/registry.ts'
import { send } from '../../helpers/client.ts'
import { keysFile, makeKey } from '../../helpers/keys-file.ts'
import { startStack } from '../../helpers/stack.ts'

// Checks deploy/kubernetes against the schemas of Kubernetes and KEDA, and against the code.

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'deploy/kubernetes')
const files = globSync('*/*.yaml', { cwd: folder }).filter((file) => basename(file) !== 'kustomization.yaml')
const documents: unknown[] = files.flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document): unknown => document.toJS()),
)

const kinds = [
  Deployment,
  StatefulSet,
  Service,
  Ingress,
  NetworkPolicy,
  HorizontalPodAutoscaler,
  PodDisruptionBudget,
  ScaledObject,
  TriggerAuthentication,
]

/** Of the Prometheus operator: no package here has its schemas. */
const isMonitor = (document: unknown): boolean =>
  String(Object(document)['apiVersion']).startsWith('monitoring.coreos.com/')

/** All manifests of a kind. */
function all<M>(model: { new (data: never): M; is(value: unknown): boolean }): M[] {
  return documents.filter((document) => model.is(document)).map((document) => new model(document as never))
}

const deployments = all(Deployment)
const isApi = (one: Deployment) => one.metadata?.name === 'drover-api'
const workers = deployments.filter((one) => !isApi(one))
const [api] = deployments.filter(isApi)
if (!api) throw new Error('no Deployment is called drover-api')

function podOf(deployment: Deployment) {
  const pod = deployment.spec?.template.spec
  const [container] = pod?.containers ?? []
  if (!pod || !container) throw new Error(`${deployment.metadata?.name} has no container`)
  return { ...pod, container }
}

/** The environment of a container, with a suitable value in place of each Secret. */
function environmentOf(deployment: Deployment): Record<string, string> {
  const variables = podOf(deployment).container.env ?? []
  return Object.fromEntries(variables.map(({ name, value }) => [name, value ?? 'redis://redis']))
}

test('every manifest is valid by the schema of its kind and part of its kustomization', () => {
  expect(documents.length).toBeGreaterThan(8)
  for (const document of documents.filter((one) => !isMonitor(one))) {
    const kind = kinds.find((one) => one.is(document))
    expect(kind, JSON.stringify(document)).toBeDefined()
    if (kind) expect(() => new kind(document as never).validate()).not.toThrow()
  }
  for (const part of new Set(files.map(dirname))) {
    const { resources } = parse(readFileSync(join(folder, part, 'kustomization.yaml'), 'utf8'))
    const beside = files.filter((file) => dirname(file) === part).map((file) => basename(file))
    expect(resources).toEqual(expect.arrayContaining(beside))
    for (const one of resources) expect(existsSync(join(folder, part, one)), one).toBe(true)
  }
})

test('the image has this version, and every container runs a role of it', () => {
  const { images } = parse(readFileSync(join(folder, 'base/kustomization.yaml'), 'utf8'))
  expect(images).toMatchObject([{ name: 'drover', newTag: packageJson.version }])
  for (const deployment of deployments) {
    const { container } = podOf(deployment)
    expect(container.image).toBe('drover')
    expect(container.args).toEqual([isApi(deployment) ? 'api' : 'worker'])
  }
})

test('the environment has only variables that the code reads, with valid values', () => {
  for (const deployment of deployments) {
    const schema = isApi(deployment) ? apiVariables : workerVariables
    const environment = environmentOf(deployment)
    expect(Object.keys(schema.shape)).toEqual(expect.arrayContaining(Object.keys(environment)))
    expect(() => readEnvironment(schema, environment)).not.toThrow()
    const { container } = podOf(deployment)
    const port = Number(environment[isApi(deployment) ? 'PORT' : 'WORKER_PORT'])
    expect(container.ports).toEqual([{ name: 'http', containerPort: port }])
  }
})

test('the workers consume every queue that a job type uses', async () => {
  const registry = await loadRegistry({ diagnosticJobs: true })
  const consumed = workers.flatMap((one) => [
    ...readEnvironment(workerVariables, environmentOf(one)).WORKER_QUEUES.keys(),
  ])
  expect(consumed.toSorted()).toEqual([...queuesOf(registry)].toSorted())
})

test('Kubernetes waits for longer than a process takes to stop', () => {
  for (const deployment of deployments) {
    const { terminationGracePeriodSeconds = 30 } = podOf(deployment)
    // The time limits in src/api/main.ts and src/worker/main.ts, and a margin for the process itself.
    const takesMs = isApi(deployment)
      ? readEnvironment(apiVariables, environmentOf(deployment)).DRAIN_DELAY_MS + 4500
      : workerStopMs(readEnvironment(workerVariables, environmentOf(deployment)))
    expect(terminationGracePeriodSeconds).toBeGreaterThan(takesMs / 1000 + 3)
  }
  // Longer than it takes a Service to notice that a pod terminates.
  expect(Number(environmentOf(api)['DRAIN_DELAY_MS'])).toBeGreaterThanOrEqual(5000)
})

test('a container has no rights that it does not need', () => {
  for (const deployment of deployments) {
    expect(podOf(deployment)).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      container: {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: { memory: expect.any(String) }, limits: { memory: expect.any(String) } },
      },
    })
  }
})

test('a network policy selects each workload, and no pod of ours may be called on a port that it does not serve', () => {
  const policies = all(NetworkPolicy)
  const selected = policies.flatMap(({ spec }) => [
    ...Object.values(spec?.podSelector?.matchLabels ?? {}),
    ...(spec?.podSelector?.matchExpressions ?? []).flatMap(({ values }) => values ?? []),
  ])
  const workloads = [...deployments, ...all(StatefulSet)]
  expect(new Set(selected)).toEqual(new Set(workloads.map((one) => one.metadata?.name)))
  for (const { metadata, spec } of policies) {
    expect(spec?.policyTypes).toEqual(['Ingress', 'Egress'])
    const port = metadata?.name === 'drover-redis' ? 'redis' : 'http'
    expect(spec?.ingress?.flatMap(({ ports }) => ports)).toEqual([{ port, protocol: 'TCP' }])
  }
  // What job.fetch refuses, a worker cannot reach by other means.
  const refused = policies
    .flatMap(({ spec }) => spec?.egress ?? [])
    .flatMap(({ to = [] }) => to.map((one) => one.ipBlock))
  expect(refused.flatMap((block) => block?.except)).toEqual(
    expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7']),
  )
})

test('services, scalers and disruption budgets refer to existing workloads', () => {
  const labels = deployments.map((one) => one.spec?.template.metadata?.labels)
  const names = deployments.map((one) => one.metadata?.name)
  const guards = all(PodDisruptionBudget)
  expect(guards.map((one) => one.spec?.selector?.matchLabels)).toEqual(expect.arrayContaining(labels))
  const ports = [...deployments, ...all(StatefulSet)].map(({ spec }) => ({
    labels: spec?.template.metadata?.labels,
    port: spec?.template.spec?.containers[0]?.ports?.[0]?.name,
  }))
  for (const { spec } of all(Service)) {
    expect(ports).toContainEqual({ labels: spec?.selector, port: spec?.ports?.[0]?.targetPort })
  }
  const services = all(Service).map((one) => one.metadata?.name)
  for (const { spec } of all(Ingress)) {
    const backends = spec?.rules?.flatMap(({ http }) => http?.paths.map(({ backend }) => backend.service?.name) ?? [])
    expect(services).toEqual(expect.arrayContaining(backends ?? []))
  }
  const scaled = [...all(HorizontalPodAutoscaler), ...all(ScaledObject)].map((one) => one.spec?.scaleTargetRef.name)
  expect(new Set(scaled)).toEqual(new Set(names))
})

test('processes with this environment answer the probes, and the scaler finds its metrics', {
  timeout: 60_000,
}, async () => {
  const key = makeKey('scaler', ['read'])
  const { path } = await keysFile([key])
  const overrides = { REDIS_URL: inject('redisUrl'), PORT: '0', WORKER_PORT: '0', API_KEYS_FILE: path }
  const { api: running, addWorker } = await startStack({
    workers: 0,
    env: { ...environmentOf(api), ...overrides },
  })
  for (const deployment of deployments) {
    const url = isApi(deployment)
      ? running.url
      : `http://127.0.0.1:${(await addWorker({ ...environmentOf(deployment), ...overrides })).port}`
    const { startupProbe, livenessProbe, readinessProbe } = podOf(deployment).container
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      expect(probe?.httpGet).toMatchObject({ port: 'http', path: expect.stringMatching(/^\/(livez|readyz)$/) })
      expect((await send('GET', url + probe?.httpGet?.path)).status).toBe(200)
    }
  }

  const service = all(Service).find((one) => one.metadata?.name === 'drover-api')
  const reached = `${service?.metadata?.name}.drover.svc.cluster.local`
  expect(service?.spec?.ports?.[0]?.port).toBe(80)
  for (const { spec } of all(ScaledObject)) {
    const worker = workers.find((one) => one.metadata?.name === spec.scaleTargetRef.name)
    const consumed = worker && readEnvironment(workerVariables, environmentOf(worker)).WORKER_QUEUES
    expect(spec.minReplicaCount).toBeGreaterThanOrEqual(1)
    expect(spec.advanced?.scalingModifiers?.formula).toBe(spec.triggers.map(({ name }) => name).join(' + '))
    for (const { metadata, authenticationRef } of spec.triggers) {
      expect(all(TriggerAuthentication).map((one) => one.metadata?.name)).toContain(authenticationRef?.name)
      const url = new URL(String(metadata['url']))
      expect(url.host).toBe(reached)
      expect([...(consumed?.keys() ?? [])]).toEqual([url.pathname.split('/').at(-1)])
      const { body } = await send('GET', running.url + url.pathname, { headers: key.headers })
      const value = String(metadata['valueLocation'])
        .split('.')
        .reduce<unknown>((part, name) => Object(part)[name], body)
      expect(value).toBe(0)
    }
  }
})

test('settings.env has variables that the code reads, with valid values', () => {
  const lines = readFileSync(join(folder, 'base/settings.env'), 'utf8').split('\n')
  const settings = Object.fromEntries(
    lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2)),
  )
  expect(Object.keys(settings).length).toBeGreaterThan(0)
  for (const schema of [apiVariables, workerVariables]) {
    expect(Object.keys(schema.shape)).toEqual(expect.arrayContaining(Object.keys(settings)))
    expect(() => readEnvironment(schema, { REDIS_URL: 'redis://redis', ...settings })).not.toThrow()
  }
})

const hasKustomize = spawnSync('kubectl', ['kustomize', '--help'], { stdio: 'ignore' }).status === 0

test.skipIf(!hasKustomize).each(['base', 'keda', 'try'])('kustomize renders %s', (name) => {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(folder, name)], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  const rendered = parseAllDocuments(stdout).map((document): unknown => document.toJS())
  expect(rendered.filter((document) => Deployment.is(document))).toHaveLength(3)
  for (const document of rendered) expect(document).toMatchObject({ metadata: { namespace: 'drover' } })
})
