import { checkOutReleased, hasReleased, released } from '../../helpers/released.ts'
import type { Row } from '../row.ts'

/** The root of the released version. */
let old: URL | undefined

/** Two versions at the same time. */
export const versionRows: Row[] = [
  {
    name: 'rolling-upgrade',
    title: `An API and two workers of version ${released.version} are replaced one after the other by this version, and then back`,
    setup: { apis: 0, workers: 0 },
    isMissing: () => (hasReleased() ? undefined : 'needs a clone with the released version'),
    async prepare(world) {
      old = await checkOutReleased((close) => world.onClose(close))
      await Promise.all([world.startApi({}, old), world.startWorker({}, old), world.startWorker({}, old)])
    },
    async cause(world, clients) {
      for (const code of [undefined, old]) {
        const replaced = [...world.apis, ...world.workers].filter(({ hasEnded }) => !hasEnded)
        for (const process of replaced) {
          await (process.role === 'api' ? world.startApi({}, code) : world.startWorker({}, code))
          await world.fault(async () => {
            process.signal('SIGTERM')
            await process.ended
          })
          await clients.moreAccepted(10)
        }
      }
    },
  },
]
