import { Cluster, type Command, Redis } from 'ioredis'
import {
  type FencedCommand,
  type Incarnation,
  isContinued,
  isOutdated,
  OtherIncarnationError,
  readIncarnation,
} from './incarnation.ts'
import { isForgottenScript, isReply, isTransient } from './transient-errors.ts'

const retryMs = 250

/**
 * A connection that sends the text of a script that Redis has forgotten. ioredis does so once: where scripts are flushed again meanwhile, the
 * call fails, and the end of a job is lost. It counts the incarnations of Redis that it finds.
 */
export class ScriptKeepingRedis extends Redis {
  /** See incarnation.ts. */
  incarnation = 0
  #last: { server: Incarnation | undefined } | undefined

  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const [command] = sent
    if (isOutdated(command, this.incarnation)) return refuse(command)
    // ioredis asks for it before it sends anything else, or again what it had sent.
    if (command.name === 'info' && this.status === 'connect') this.#noteAnswer(command)
    const send = () => super.sendCommand(...sent)
    resendForgotten(command, send)
    return send()
  }

  /** Asks the server whether it is still the same: one that has followed another master for a while keeps its connections. */
  async compareIncarnation(): Promise<void> {
    const server = readIncarnation(await this.info('server', 'replication'))
    if (server && this.status === 'ready') this.#note(server)
  }

  #noteAnswer(command: Command): void {
    const { resolve, reject } = command
    command.resolve = (info) => {
      this.#note(readIncarnation(String(info)))
      resolve(info)
    }
    command.reject = (error) => {
      // The user may not call INFO.
      if (isReply(error)) this.#note(undefined)
      reject(error)
    }
  }

  #note(server: Incarnation | undefined): void {
    if (this.#last && !isContinued(this.#last.server, server)) this.incarnation += 1
    this.#last = { server }
  }
}

/**
 * A connection that retries commands with a transient error reply. ioredis retries lost connections, but returns such replies: the
 * end of a job would be lost, and the job would run twice.
 */
export class RetryingRedis extends ScriptKeepingRedis {
  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const send = () => super.sendCommand(...sent)
    retryTransient(sent[0], (error) => isReply(error) && isTransient(error) && this.status !== 'end', send)
    return send()
  }
}

/** The same for a cluster, whose commands also fail when the node with their keys is lost. */
export class RetryingCluster extends Cluster {
  /** See {@link countIncarnations}. */
  incarnation = 0
  #closed = false

  override sendCommand(...sent: Parameters<Cluster['sendCommand']>): unknown {
    const send = () => (isOutdated(sent[0], this.incarnation) ? refuse(sent[0]) : super.sendCommand(...sent))
    resendForgotten(sent[0], send)
    const mayRetry = (error: Error) => isTransient(error) && !(error instanceof OtherIncarnationError) && !this.#closed
    retryTransient(sent[0], mayRetry, send)
    return send()
  }

  override disconnect(reconnect = false): void {
    this.#closed ||= !reconnect
    super.disconnect(reconnect)
  }
}

/**
 * A cluster whose commands end within `commandTimeout`, whatever happens to its nodes. ioredis bounds the time of a command that was
 * sent to a node, but not its wait for a connected node. Without that wait it would refuse commands whenever it connects to a node.
 */
export class FailFastCluster extends Cluster {
  /** See {@link countIncarnations}. */
  incarnation = 0

  override sendCommand(...sent: Parameters<Cluster['sendCommand']>): unknown {
    const [command] = sent
    if (isOutdated(command, this.incarnation)) return refuse(command)
    // ioredis sends CLUSTER INFO to become ready.
    if (this.status !== 'ready' && command.name !== 'cluster') {
      command.reject(new Error('the cluster is not connected'))
      return command.promise
    }
    command.setTimeout(this.options.redisOptions?.commandTimeout ?? 0)
    const send = () => super.sendCommand(...sent)
    resendForgotten(command, send)
    return send()
  }
}

function refuse(command: FencedCommand): unknown {
  command.reject(new OtherIncarnationError())
  return command.promise
}

/** Counts how often a node is connected again, or other nodes are masters: any of them may have lost its last writes. */
export function countIncarnations<T extends Cluster & { incarnation: number }>(cluster: T): T {
  const count = (): void => {
    cluster.incarnation += 1
  }
  const known = new Set<string>()
  cluster.on('+node', ({ options }: Redis) => {
    const address = `${options.host}:${options.port}`
    // A node whose connection is lost leaves, and comes back as another object.
    if (known.has(address)) count()
    known.add(address)
  })
  let masters: string | undefined
  cluster.on('refresh', () => {
    const now = cluster.nodes('master').map(({ options }) => `${options.host}:${options.port}`)
    const before = masters
    masters = now.toSorted().join(' ')
    if (before !== undefined && before !== masters) count()
  })
  return cluster
}

/** Marks a command that is sent again when its script was forgotten. */
const isKept = Symbol('is kept')

/** ioredis sends a command of a script as its digest, and as its text after the answer that Redis does not know the digest. */
function resendForgotten(command: Command & { [isKept]?: true }, send: () => unknown): void {
  if (command[isKept] || command.pipelineIndex !== undefined || command.inTransaction) return
  command[isKept] = true
  const reject = command.reject
  command.reject = (error) => (isForgottenScript(error) ? send() : reject(error))
}

/** Marks a command that is retried. A WeakSet of all pending commands would cost more per command. */
const isRetried = Symbol('is retried')

/** Makes a command retry after errors that `mayRetry` accepts. Commands of a pipeline or a transaction are not retried alone. */
function retryTransient(
  command: Command & { [isRetried]?: true },
  mayRetry: (error: Error) => boolean,
  send: () => unknown,
): void {
  if (command[isRetried] || command.pipelineIndex !== undefined || command.inTransaction) return
  command[isRetried] = true
  const reject = command.reject
  command.reject = (error) => {
    if (!mayRetry(error)) return reject(error)
    setTimeout(() => (mayRetry(error) ? send() : reject(error)), retryMs)
  }
}
