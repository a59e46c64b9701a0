import { fastify, LogController } from 'fastify'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { requestLog } from '../../../../src/api/http/request-log.ts'

test('each line of a request has its id, at every level', async () => {
  const lines: { level: number; request_id?: string; msg?: string; step?: number }[] = []
  const loggerInstance = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    childLoggerFactory: requestLog,
    genReqId: () => 'r1',
  })
  app.get('/', async ({ log }) => {
    log.trace('not written')
    log.debug('debug')
    log.info({ step: 1 }, 'info')
    log.warn('warn %d', 7)
    log.error('error')
    log.child({ step: 2 }).info('child')
    return log.level
  })
  app.get('/silent', async () => 'nothing')
  const answer = await app.inject('/')
  await app.inject('/silent')
  await app.close()
  expect(answer.body).toBe('debug')
  expect(lines.map(({ level, request_id: id, msg, step }) => [level, id, msg, step])).toEqual([
    [20, 'r1', 'debug', undefined],
    [30, 'r1', 'info', 1],
    [40, 'r1', 'warn 7', undefined],
    [50, 'r1', 'error', undefined],
    [30, 'r1', 'child', 2],
  ])
})
