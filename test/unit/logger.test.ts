import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

const program = `
  const { createLogger } = await import('./src/logger.ts')
  const log = await createLogger({ role: 'test', level: 'info', format: 'json' })
  const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  log.warn({ connection: 'worker', connected: false, err: refused() }, 'redis connection lost')
  log.error({ err: refused() }, 'suppressed')
  log.fatal({ err: refused() }, 'unexpected error, stopping')
`

test('in an outage of Redis an uncaught error of another client is written, with its stack', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program])
  const lines = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  // A fatal line overtakes one that is being written.
  const [lost, suppressed, fatal] = ['redis connection lost', 'suppressed', 'unexpected error, stopping'].map((text) =>
    lines.find(({ msg }) => msg === text),
  )
  expect(suppressed).toBeUndefined()
  expect(lost).toMatchObject({ level: 40, err: { code: 'ECONNREFUSED' } })
  expect(lost.err).not.toHaveProperty('stack')
  expect(fatal).toMatchObject({ level: 60 })
  expect(fatal.err).toMatchObject({ code: 'ECONNREFUSED', stack: expect.stringContaining('at refused') })
})
