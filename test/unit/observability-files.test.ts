import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collectDefaultMetrics, Registry } from '@prometheus-io/client'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const root = join(import.meta.dirname, '../..')
const readText = (file: string): string => readFileSync(join(root, file), 'utf8')

const alertsFile = 'deploy/prometheus/alerts.yaml'
const rule = z.object({ alert: z.string(), expr: z.string(), annotations: z.object({ summary: z.string() }) })
const alerts = z
  .object({ groups: z.array(z.object({ rules: z.array(rule) })) })
  .parse(parse(readText(alertsFile)))
  .groups.flatMap(({ rules }) => rules)

const panel = z.object({
  id: z.int(),
  title: z.string(),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  targets: z.array(z.object({ expr: z.string() })),
})
const dashboard = z
  .object({ uid: z.literal('drover'), panels: z.array(panel) })
  .parse(JSON.parse(readText('deploy/grafana/dashboards/drover.json')))

const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
]

/** The names of metrics in an expression of PromQL, as they are registered. */
function metricsOf(expression: string): string[] {
  const names = expression.match(/\b(drover|nodejs|process)_\w+/g) ?? []
  return names.map((name) => name.replace(/_(bucket|count)$/, ''))
}

function registered(): Set<string> {
  const series = new Registry()
  collectDefaultMetrics({ register: series })
  const ours = globSync('src/**/*.ts', { cwd: root }).flatMap((file) => readText(file).match(/'drover_\w+'/g) ?? [])
  return new Set([...ours.map((name) => name.slice(1, -1)), ...series.getMetricsAsArray().map(({ name }) => name)])
}

test('alerts and dashboard name metrics that exist', () => {
  const known = registered()
  for (const [where, expr] of expressions) {
    const names = metricsOf(expr)
    if (where !== 'DroverTargetDown') expect(names, where).not.toEqual([])
    for (const name of names) expect(known, where).toContain(name)
  }
})

test('each series of docs/deploy.md about jobs and queues is on the dashboard', () => {
  const shown = new Set(dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr))))
  const documented = [...readText('docs/deploy.md').matchAll(/^\| `(drover_(?:job|queue|running)\w+)/gm)]
  expect(documented.length).toBeGreaterThan(5)
  for (const [, name = ''] of documented.filter(([, found]) => found !== 'drover_queue_paused'))
    expect(shown).toContain(name)
})

test('alerts and panels have names of their own, and no panel covers another', () => {
  const names = alerts.map(({ alert }) => alert)
  expect(new Set(names).size).toBe(names.length)
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

test.skipIf(!hasPromtool)('promtool accepts the alerts (skipped without promtool: apt-get install prometheus)', () => {
  const checked = spawnSync('promtool', ['check', 'rules', join(root, alertsFile)], { encoding: 'utf8' })
  expect(checked.status, checked.stdout + checked.stderr).toBe(0)
})
