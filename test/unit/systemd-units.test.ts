import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { workerStopMs } from '../../src/environment/stop-time.ts'
import { workerVariables } from '../../src/environment/worker-variables.ts'
import { readEnvironment } from '../../src/environment.ts'

const folder = join(import.meta.dirname, '../../deploy/systemd')
const units = { api: 'drover-api.service', worker: 'drover-worker@.service' }
const text = (name: string): string => readFileSync(join(folder, name), 'utf8')
const stopSeconds = (name: string): number => Number(/^TimeoutStopSec=(\d+)$/m.exec(text(name))?.[1])

test('systemd waits for longer than a process takes to stop', () => {
  // The drain delay that docs/systemd.md sets, and the five seconds of src/api/main.ts.
  const page = readFileSync(join(import.meta.dirname, '../../docs/systemd.md'), 'utf8')
  const delayMs = Number(/DRAIN_DELAY_MS=(\d+)/.exec(page)?.[1])
  expect(stopSeconds(units.api)).toBeGreaterThan(delayMs / 1000 + 5)
  const config = readEnvironment(workerVariables, { REDIS_URL: 'redis://redis' })
  expect(stopSeconds(units.worker)).toBeGreaterThan(workerStopMs(config) / 1000)
})

test('units start a role by the command line, and confine it', () => {
  for (const [role, name] of Object.entries(units)) {
    expect(text(name)).toContain(`ExecStart=/opt/drover/bin/drover ${role}\n`)
    for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'CapabilityBoundingSet=', 'KillMode=mixed'])
      expect(text(name)).toContain(`${line}\n`)
  }
})

const hasAnalyze = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0

test.skipIf(!hasAnalyze)('systemd-analyze finds nothing wrong with the units', () => {
  const here = mkdtempSync(join(tmpdir(), 'drover-units-'))
  try {
    const files = Object.values(units).map((name) => {
      const file = join(here, name.replace('@.', '@io.'))
      // The program and the user are there only once it is installed.
      writeFileSync(file, text(name).replace('/opt/drover/bin/drover', '/bin/true').replace('User=drover', 'User=root'))
      return file
    })
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' })
    expect([status, stderr.split('\n').filter((line) => line.includes(here))]).toEqual([0, []])
  } finally {
    rmSync(here, { recursive: true })
  }
})
