import { Cluster, type Command, Redis } from 'ioredis'
import { isPassing, isReply } from './transient-errors.ts'

const askAgainMs = 250

/**
 * A connection whose commands wait while Redis says "not now". ioredis waits for a connection, but passes such replies on; whoever
 * gets one would take it for the answer: an end would not be said, and its job run again.
 */
export class PatientRedis extends Redis {
  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const send = () => super.sendCommand(...sent)
    askAgain(sent[0], (error) => isReply(error) && isPassing(error) && this.status !== 'end', send)
    return send()
  }
}

/** The same for a cluster, whose commands also fail where the node that has their keys is lost. */
export class PatientCluster extends Cluster {
  #closed = false

  override sendCommand(...sent: Parameters<Cluster['sendCommand']>): unknown {
    const send = () => super.sendCommand(...sent)
    askAgain(sent[0], (error) => isPassing(error) && !this.#closed, send)
    return send()
  }

  override disconnect(reconnect = false): void {
    this.#closed ||= !reconnect
    super.disconnect(reconnect)
  }
}

/**
 * A cluster whose commands end within `commandTimeout`, whatever becomes of its nodes. ioredis bounds a command on its way to a node, but
 * not its wait for one; without that wait it would refuse commands for every node that is just being connected.
 */
export class PromptCluster extends Cluster {
  override sendCommand(...sent: Parameters<Cluster['sendCommand']>): unknown {
    const [command] = sent
    // CLUSTER INFO is how it becomes ready.
    if (this.status !== 'ready' && command.name !== 'cluster') {
      command.reject(new Error('the cluster is not connected'))
      return command.promise
    }
    command.setTimeout(this.options.redisOptions?.commandTimeout ?? 0)
    return super.sendCommand(...sent)
  }
}

/** Marks a command that asks again; a WeakSet of all that are under way would cost each of them more. */
const isPatient = Symbol('is patient')

/** Makes a command that fails ask again a little later, where it may. Those of a pipeline or a transaction belong together. */
function askAgain(
  command: Command & { [isPatient]?: true },
  mayWait: (error: Error) => boolean,
  send: () => unknown,
): void {
  if (command[isPatient] || command.pipelineIndex !== undefined || command.inTransaction) return
  command[isPatient] = true
  const reject = command.reject
  command.reject = (error) => {
    if (!mayWait(error)) return reject(error)
    setTimeout(() => (mayWait(error) ? send() : reject(error)), askAgainMs)
  }
}
