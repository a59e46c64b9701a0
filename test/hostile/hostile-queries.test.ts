import { Agent } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { sendOdd } from '../helpers/raw-request.ts'
import { startMeasuredApi } from './measured-api.ts'

/** The longest that fits into the headers of a request. */
const room = 14_000
const bounds = { holdMs: 150, answerBytes: 65_536 }

interface Document {
  paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>
}

const values: [name: string, value: string][] = [
  ['a long text', 'x'.repeat(room)],
  ['escapes', '%00'.repeat(room / 3)],
  ['commas', 'a,'.repeat(room / 2)],
  ['digits', '9'.repeat(room)],
  ['brackets', '['.repeat(room)],
  ['spaces and quotes', '%20%22'.repeat(room / 6)],
  ['dots and slashes', '..%2f'.repeat(room / 5)],
]

test('no path, query or header of any route holds the event loop or is answered at length', async () => {
  const { api, measure } = await startMeasuredApi()
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as Document
  const mistakes: string[] = []
  const most = { holdMs: 0, answerBytes: 0 }
  let requests = 0
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, { parameters = [] }] of Object.entries(item)) {
      const plain = path.replaceAll(/\{\w+\}/g, 'io_x')
      const sent = values.flatMap(([name, value]) => [
        {
          name,
          path: path.includes('{') ? path.replace(/\{\w+\}/, value).replaceAll(/\{\w+\}/g, 'x') : `${plain}?x=${value}`,
          headers: {},
        },
        ...parameters.map((parameter) => ({
          name: `${name} as ${parameter.name}`,
          path: parameter.in === 'query' ? `${plain}?${parameter.name}=${value}` : plain,
          headers:
            parameter.in === 'header' ? { [parameter.name]: decodeURIComponent(value).replaceAll('\0', '0') } : {},
        })),
        { name: `${name}, many times`, path: `${plain}?${'a=1&'.repeat(room / 4)}`, headers: {} },
      ])
      const { holdMs, result } = await measure(async () => {
        const answers = []
        for (const one of sent) {
          const headers = { host: 'localhost', 'content-type': 'application/json', ...one.headers }
          answers.push({
            ...one,
            answer: await sendOdd(agent, api.url, { method: method.toUpperCase(), ...one, headers }),
          })
        }
        return answers
      })
      requests += result.length
      most.holdMs = Math.max(most.holdMs, holdMs)
      if (holdMs > bounds.holdMs) mistakes.push(`${method} ${path}: held the loop for ${holdMs.toFixed(0)} ms`)
      for (const { name, answer } of result) {
        const { length } = answer.body
        if (answer.status >= 500) mistakes.push(`${method} ${path}: ${name}: ${answer.status}`)
        if (answer.status >= 400) most.answerBytes = Math.max(most.answerBytes, length)
        if (answer.status >= 400 && length > bounds.answerBytes)
          mistakes.push(`${method} ${path}: ${name}: ${length} bytes`)
      }
    }
  }
  console.log(
    `${requests} requests: longest hold ${most.holdMs.toFixed(0)} ms, largest refusal ${most.answerBytes} bytes`,
  )
  expect(mistakes).toEqual([])
}, 300_000)
