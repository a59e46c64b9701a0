import type { ChildProcess } from 'node:child_process'

/** Methods of a child process, called over its IPC channel. Arguments and results are JSON. */
type Methods = Record<string, (argument: never) => Promise<unknown>>

interface Answer {
  answer: number
  value?: unknown
  error?: string
}

/** In the child: answers the calls of {@link remote} until the parent has ended, then exits. */
export function answerParent(methods: Methods): void {
  const known = new Map(Object.entries(methods))
  process.on('message', async ({ ask, name, argument }: { ask: number; name: string; argument: unknown }) => {
    const method = known.get(name)
    let answer: Answer
    try {
      if (!method) throw new Error(`there is no method ${name}`)
      answer = { answer: ask, value: await method(argument as never) }
    } catch (error) {
      answer = { answer: ask, error: error instanceof Error ? String(error.stack) : String(error) }
    }
    process.send?.(answer)
  })
  process.on('disconnect', () => process.exit())
}

/** In the parent: calls a method of the child. @throws the error of the method, or an error if the child has ended */
export type Remote<M extends Methods> = <K extends keyof M & string>(
  name: K,
  argument: Parameters<M[K]>[0],
) => Promise<Awaited<ReturnType<M[K]>>>

export function remote<M extends Methods>(child: ChildProcess): Remote<M> {
  const waiting = new Map<number, (answer: Answer) => void>()
  let asked = 0
  child.on('message', (answer: Answer) => waiting.get(answer.answer)?.(answer))
  child.on('close', () => {
    for (const [answer, settle] of waiting) settle({ answer, error: 'the process has ended' })
  })
  return (name, argument) => {
    const ask = ++asked
    child.send({ ask, name, argument })
    return new Promise((resolve, reject) => {
      waiting.set(ask, ({ value, error }) => {
        waiting.delete(ask)
        if (error === undefined) resolve(value as never)
        else reject(new Error(`${name}: ${error}`))
      })
    })
  }
}
