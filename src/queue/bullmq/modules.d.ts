// The parts of BullMQ that Drover loads, by themselves: the whole has backends for other databases and clients, four megabytes of memory of an idle
// process. Their types are those of the whole.

declare module 'bullmq/dist/cjs/classes/errors/unrecoverable-error.js' {
  export { UnrecoverableError } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/ioredis-client.js' {
  export { createIORedisClient } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/job.js' {
  export { Job } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/queue.js' {
  export { Queue } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/queue-keys.js' {
  export { QueueKeys } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/redis-connection.js' {
  export { RedisConnection } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/redis-queue-backend.js' {
  export { RedisQueueBackend, raw2NextJobData } from 'bullmq'
}
declare module 'bullmq/dist/cjs/classes/worker.js' {
  export { Worker } from 'bullmq'
}
declare module 'bullmq/dist/cjs/utils/create-backend.js' {
  export { createRedisBackend } from 'bullmq'
}
declare module 'bullmq/dist/cjs/utils/index.js' {
  export { optsEncodeMap } from 'bullmq'
}
