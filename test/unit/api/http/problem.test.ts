import fastify from 'fastify'
import { expect, test } from 'vitest'
import { answerProblem } from '../../../../src/api/http/problem.ts'

test.each([Object.assign(new Error('a child ended'), { code: 1 }), null, undefined, 'text'])(
  'whatever is thrown, here %o, is a problem document without its text',
  async (thrown) => {
    const app = fastify()
    app.decorateRequest('problem')
    app.decorateRequest('outage')
    app.setErrorHandler(answerProblem)
    app.get('/', (request, reply) => answerProblem(thrown, request, reply))
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([500, 'application/problem+json'])
    expect(answer.json()).toMatchObject({ code: 'internal_error', instance: '/' })
    expect(answer.body).not.toContain('child')
  },
)
