import type { JobRef } from '../../queue/model/job-id.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { RouteDeps } from '../deps.ts'
import type { Awaited } from '../http/wait-until-done.ts'

/** A job to wait for. */
export function awaitedJob({ queue, hub }: Pick<RouteDeps, 'queue' | 'hub'>, ref: JobRef): Awaited<StoredJob> {
  return {
    watch: (onEnd) => hub.watch(ref, (message) => message.changed && message.mayBeDone && onEnd(message.job)),
    read: () => queue.read(ref, undefined, 'small'),
  }
}

/** A job to wait for that this request stores with `hub.replyChannel`, and no other request can have stored: it needs no channel of its own. */
export function awaitedNewJob({ queue, hub }: Pick<RouteDeps, 'queue' | 'hub'>, ref: JobRef): Awaited<StoredJob> {
  return { watch: (onEnd) => hub.awaitEnd(ref, onEnd), read: () => queue.read(ref, undefined, 'small') }
}
