import { CommandFailure } from '../command-failure.ts'
import { type Context, type Contexts, contextsPath, readContexts } from './contexts.ts'

/** The server that a command calls. */
export interface Target {
  url: URL
  key: string | undefined
  /** What chose it, for messages. */
  source: string
}

const defaultUrl = 'http://127.0.0.1:3000'

/**
 * Finds the server: the context that is named, else DROVER_URL, else the current context, else the address of `npm start`. DROVER_KEY holds
 * for each of them.
 *
 * @throws CommandFailure for an address or a key that cannot be used, or a context that does not exist
 */
export async function findTarget(named: string | undefined, env: NodeJS.ProcessEnv): Promise<Target> {
  const contexts = await readContexts(contextsPath(env))
  const name = named ?? (env['DROVER_CONTEXT'] || undefined)
  if (name !== undefined) return targetOf(contextOf(contexts, name), `the context ${name}`, env)
  const address = env['DROVER_URL']
  if (address) return targetOf({ url: address, key: storedKey(contexts, address) }, 'DROVER_URL', env)
  const { current } = contexts
  if (current !== undefined) return targetOf(contextOf(contexts, current), `the context ${current}`, env)
  return targetOf({ url: defaultUrl, key: undefined }, 'the default', env)
}

/** The address of a server. @throws CommandFailure */
export function parseAddress(text: string, source: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CommandFailure('usage', `${source}: the address must begin with http:// or https://`)
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new CommandFailure('usage', `${source}: the address has no user, query or fragment; the key is DROVER_KEY`)
  }
  return url
}

/** A key that can be sent. @throws CommandFailure, without the key */
export function checkKey(key: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key
  throw new CommandFailure('usage', `${source}: a key has no spaces or other characters than ASCII`)
}

function targetOf({ url, key }: Context, source: string, env: NodeJS.ProcessEnv): Target {
  const given = env['DROVER_KEY'] || undefined
  const used = given ?? key
  return {
    url: parseAddress(url, source),
    key: used === undefined ? undefined : checkKey(used, given === undefined ? source : 'DROVER_KEY'),
    source,
  }
}

function contextOf({ contexts }: Contexts, name: string): Context {
  const context = contexts.get(name)
  if (context !== undefined) return context
  const known = contexts.size > 0 ? `there are ${[...contexts.keys()].join(', ')}` : 'there are none'
  throw new CommandFailure('usage', `there is no context "${name}": ${known}; drover login makes one`)
}

/** The key of a context goes to the server that it was stored for, and to no other. */
function storedKey({ contexts, current }: Contexts, address: string): string | undefined {
  if (!URL.canParse(address)) return undefined
  const { origin } = new URL(address)
  const ordered = [...contexts].toSorted(([a], [b]) => Number(b === current) - Number(a === current))
  return ordered.find(([, { url }]) => URL.canParse(url) && new URL(url).origin === origin)?.[1].key
}
