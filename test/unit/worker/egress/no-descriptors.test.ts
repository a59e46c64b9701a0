import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

const start = `
  import { closeSync, openSync } from 'node:fs'
  import { createServer } from 'node:http'
  import { once } from 'node:events'
  import { createEgress } from ${JSON.stringify(import.meta.resolve('../../../../src/worker/egress/egress.ts'))}
  const serve = async (answer) => {
    const server = createServer(answer)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return server.address().port
  }
  const held = []
  const exhaust = () => {
    try {
      for (;;) held.push(openSync('/dev/null'))
    } catch (error) {
      if (error.code !== 'EMFILE') throw error
    }
  }
  const release = (count = held.length) => held.splice(0, count).forEach((fd) => closeSync(fd))
`

/** Runs a script in a process that may have few files open. @returns what it prints, parsed */
async function withFewDescriptors(script: string): Promise<unknown> {
  const command = ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, start + script]
  const { stdout } = await run('sh', command, { timeout: 30_000 })
  return JSON.parse(stdout)
}

test.each([0, 1])('fetch works again after its first call had %i descriptors', async (free) => {
  const outcome = await withFewDescriptors(`
    const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] })
    const port = await serve((request, response) => response.end('here'))
    const read = async () => (await egress.fetch('http://127.0.0.1:' + port)).text()
    exhaust()
    release(${free})
    const first = await read().catch(() => 'failed')
    egress.closeIdle()
    release()
    console.log(JSON.stringify([first, await read()]))
    process.exit()
  `)
  expect(outcome).toEqual(['failed', 'here'])
})

test('a request that was redirected is not sent again where no descriptor is left for the target', async () => {
  const outcome = await withFewDescriptors(`
    const resolve = (name, options, done) => {
      release()
      if (name === 'b.test') {
        exhaust()
        setImmediate(release)
      }
      done(null, [{ address: '127.0.0.1', family: 4 }])
    }
    const egress = createEgress({ allowCidrs: ['127.0.0.0/8'], resolve })
    const requests = []
    const port = await serve((request, response) => {
      requests.push(request.method + ' ' + request.headers.host.split(':')[0])
      response.writeHead(307, { location: 'http://b.test:' + port }).end()
    })
    const failed = await egress.fetch('http://a.test:' + port, { method: 'POST', body: 'x' }).catch((error) => error)
    console.log(JSON.stringify([failed.cause?.code, requests]))
    process.exit()
  `)
  expect(outcome).toEqual(['EMFILE', ['POST a.test']])
})
