import { setTimeout as sleep } from 'node:timers/promises'
import { defineJob } from 'drover'
import { z } from 'zod'

/** Stands for a model: put the stream of your provider here, fetched with `job.fetch`. */
async function* tokensOf(prompt: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const word of `You asked: ${prompt} I have no model, so this is all that I can say.`.split(/(?<= )/)) {
    await sleep(30, undefined, { signal })
    yield word
  }
}

export default defineJob({
  type: 'chat',
  title: 'Answer a question',
  runsOn: 'event-loop',
  input: z.object({ prompt: z.string().min(1).max(4000) }),
  output: z.object({ answer: z.string() }),
  async *run({ prompt }, job) {
    let answer = ''
    for await (const token of tokensOf(prompt, job.signal)) {
      answer += token
      // An event for each open stream, and stored for those that open later or again.
      yield token
    }
    return { answer }
  },
})
