import { text as readAll } from 'node:stream/consumers'
import { Client } from '../client/client.ts'
import { contextsPath, readContexts, writeContexts } from '../client/contexts.ts'
import { checkKey, parseAddress } from '../client/target.ts'
import { CommandFailure, reporting } from '../command-failure.ts'
import { usage } from '../flags.ts'
import { escapeText } from '../terminal/escape.ts'
import { Screen } from '../terminal/screen.ts'

const contextName = /^[A-Za-z0-9][\w.:-]{0,63}$/

/** Stores the address and the key of a server as the current context, after one call with them has worked. */
export const login = reporting(async (flags: { name?: string | undefined }, given?: string): Promise<void> => {
  const path = contextsPath(process.env)
  const { contexts } = await readContexts(path)
  const { canAsk } = new Screen()
  const address = given ?? (process.env['DROVER_URL'] || (canAsk ? await askAddress() : usage('name the address')))
  const url = parseAddress(address, 'the address')
  const name = flags.name ?? url.host
  if (!contextName.test(name)) usage('--name: letters, digits and ._:- only')
  const key = await readKey(canAsk)
  await new Client({ url, key, source: 'the command' }).call('GET', '/v1/job-types')
  const stored = { url: url.href.replace(/\/$/, ''), key }
  await writeContexts(path, { current: name, contexts: new Map([...contexts, [name, stored]]) })
  process.stderr.write(
    `drover: ${escapeText(stored.url)} is the context ${name}, and the current one; stored in ${path}\n`,
  )
})

async function readKey(canAsk: boolean): Promise<string | undefined> {
  const fromEnvironment = process.env['DROVER_KEY']
  const key =
    fromEnvironment || (canAsk ? await askKey() : ((await readAll(process.stdin)).split('\n')[0] ?? '').trim())
  return key === '' ? undefined : checkKey(key, 'the key')
}

async function askAddress(): Promise<string> {
  const { isCancel, text } = await import('@clack/prompts')
  const placeholder = 'http://127.0.0.1:3000'
  const answer = await text({
    message: 'Address of the server',
    placeholder,
    defaultValue: placeholder,
    output: process.stderr,
  })
  if (isCancel(answer)) throw interrupted()
  return answer
}

async function askKey(): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts')
  const message = 'Key (nothing if the server has no keys)'
  const answer: unknown = await password({ message, output: process.stderr })
  if (isCancel(answer)) throw interrupted()
  // Nothing was typed: undefined.
  return typeof answer === 'string' ? answer.trim() : ''
}

const interrupted = () => new CommandFailure('interrupted', 'nothing was stored')
