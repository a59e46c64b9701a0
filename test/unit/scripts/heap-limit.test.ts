import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = new URL('../../../', import.meta.url)
const megabyte = 1024 * 1024
/** What a group of cgroup v1 without a limit has. */
const unlimited = '9223372036854771712'

/** What the script prints in a container with these groups and limits. */
async function heapLimit(
  role: 'api' | 'worker',
  { groups, limits, env = {} }: { groups: string; limits: Record<string, string>; env?: Record<string, string> },
): Promise<string> {
  const mount = await mkdtemp(join(tmpdir(), 'drover-cgroup-'))
  onTestFinished(() => rm(mount, { recursive: true }))
  for (const [path, text] of Object.entries(limits)) {
    await mkdir(dirname(join(mount, path)), { recursive: true })
    await writeFile(join(mount, path), `${text}\n`)
  }
  await writeFile(join(mount, 'groups'), groups)
  const args = ['bin/heap-limit.sh', role, mount, join(mount, 'groups')]
  return execFileSync('sh', args, { cwd: root, env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8' }).trim()
}

const v2 = (mb: number) => ({ groups: '0::/\n', limits: { 'memory.max': String(mb * megabyte) } })

test.each<[string, Parameters<typeof heapLimit>, string]>([
  ['half of a small container', ['api', v2(512)], '--max-old-space-size=256'],
  ['all but 256 MB of a larger one for an API', ['api', v2(2048)], '--max-old-space-size=1792'],
  ['half for a worker, whose jobs have heaps of their own', ['worker', v2(2048)], '--max-old-space-size=1024'],
  ['nothing without a limit', ['api', { groups: '0::/\n', limits: { 'memory.max': 'max' } }], ''],
  ['at most what V8 takes on a large machine', ['api', v2(16_384)], '--max-old-space-size=4096'],
  ['as much in a container where V8 takes less by itself', ['api', v2(6144)], '--max-old-space-size=4096'],
  [
    'nothing where NODE_OPTIONS says it',
    ['api', { ...v2(512), env: { NODE_OPTIONS: '--max-old-space-size=100' } }],
    '',
  ],
  [
    'the smallest limit of the groups above',
    [
      'api',
      {
        groups: '0::/kube/pod\n',
        limits: { 'kube/memory.max': String(512 * megabyte), 'kube/pod/memory.max': 'max' },
      },
    ],
    '--max-old-space-size=256',
  ],
  [
    'the limit of cgroup v1',
    [
      'worker',
      {
        groups: '8:pids:/other\n4:cpu,memory:/docker/abc\n0::/\n',
        limits: {
          'memory/memory.limit_in_bytes': unlimited,
          'memory/docker/abc/memory.limit_in_bytes': String(1024 * megabyte),
        },
      },
    ],
    '--max-old-space-size=512',
  ],
  [
    'that of the container where the host names its group',
    [
      'api',
      {
        groups: '4:memory:/docker/abc\n',
        limits: { 'memory/memory.limit_in_bytes': String(512 * megabyte) },
      },
    ],
    '--max-old-space-size=256',
  ],
])('a container bounds the heap: %s', async (_what, args, expected) => {
  expect(await heapLimit(...args)).toBe(expected)
})
