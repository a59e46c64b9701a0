import { once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { check, constantFrom, integer, property, tuple } from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isAllowedAddress, parseAllowList } from '../../../../src/allowed-address.ts'
import { createEgress, type Egress } from '../../../../src/worker/egress/egress.ts'
import type { Resolve } from '../../../../src/worker/egress/guard-lookup.ts'
import { serve } from '../../../helpers/local-site.ts'

const loopback = ['127.0.0.0/8', '::1/128']

function open(allowCidrs: string[], resolve?: Resolve): Egress {
  const egress = createEgress(resolve ? { allowCidrs, resolve } : { allowCidrs })
  onTestFinished(() => egress.close())
  return egress
}

const refused = { name: 'PermanentError', code: 'egress_refused', retryable: false }

/** A server that answers each request with the given pieces, each in a packet of its own. @returns its URL */
async function serveRaw(answer: (request: string) => string | string[]): Promise<string> {
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', async (chunk) => {
      const request = chunk.toString('latin1')
      // The body of a request may come in a packet of its own.
      if (!/^(GET|POST) /.test(request)) return
      for (const piece of [answer(request)].flat()) {
        socket.write(piece, 'latin1')
        await setImmediate()
      }
    })
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

describe('an address', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '168.63.129.15',
    '2606:4700:4700::1111',
    '[2606:4700:4700::1111]',
    '::ffff:8.8.8.8',
  ])('%s is public', (address) => {
    expect(isAllowedAddress(address, [])).toBe(true)
  })

  test.each([
    ['loopback', '127.0.0.1'],
    ['all of 127/8', '127.255.255.254'],
    ['this network', '0.0.0.0'],
    ['this network, further on', '0.1.2.3'],
    ['RFC 1918', '10.0.0.1'],
    ['RFC 1918', '172.16.0.1'],
    ['RFC 1918', '172.31.255.255'],
    ['RFC 1918', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT', '100.127.255.255'],
    ['cloud metadata on link-local', '169.254.169.254'],
    ['cloud metadata of Alibaba', '100.100.100.200'],
    ['the host of an Azure machine', '168.63.129.16'],
    ['IETF protocol assignments', '192.0.0.1'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['6to4 relay', '192.88.99.1'],
    ['benchmarking', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 unspecified', '::'],
    ['IPv6 loopback', '::1'],
    ['IPv6 loopback in brackets', '[::1]'],
    ['IPv6 loopback in full', '0:0:0:0:0:0:0:1'],
    ['IPv4-mapped', '::ffff:127.0.0.1'],
    ['IPv4-mapped in hexadecimal', '::ffff:7f00:1'],
    ['IPv4-mapped in capitals', '::FFFF:A9FE:A9FE'],
    ['IPv4-mapped in full', '0:0:0:0:0:ffff:0a00:0001'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-compatible in hexadecimal', '::7f00:1'],
    ['IPv4-compatible of a public address', '::8.8.8.8'],
    ['IPv4-translated', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::127.0.0.1'],
    ['NAT64 of a public address', '64:ff9b::8.8.8.8'],
    ['local NAT64', '64:ff9b:1::a00:1'],
    ['6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['discard only', '100::1'],
    ['unique local', 'fc00::1'],
    ['unique local', 'fd12:3456:789a::1'],
    ['EC2 metadata', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['loopback with a zone', '::1%lo-0.1'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['segment routing', '5f00::1'],
    ['never given out', '4000::1'],
    ['octal, which is no address here', '0177.0.0.1'],
    ['hexadecimal, which is no address here', '0x7f.1'],
    ['one number, which is no address here', '2130706433'],
    ['short, which is no address here', '127.1'],
    ['a name', 'localhost'],
    ['nothing', ''],
  ])('of %s (%s) is refused', (_kind, address) => {
    expect(isAllowedAddress(address, [])).toBe(false)
  })

  test.each([
    ['127.0.0.1', '127.0.0.0/8'],
    ['::ffff:127.0.0.1', '127.0.0.0/8'],
    ['::ffff:7f00:1', '127.0.0.0/8'],
    ['127.0.0.1', '::ffff:127.0.0.0/104'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['::1', '::1/128'],
    ['fd12::1', 'fc00::/7'],
    ['fe80::1%eth0', 'fe80::/10'],
    ['64:ff9b::8.8.8.8', '64:ff9b::/96'],
    ['168.63.129.16', '168.63.129.16/32'],
  ])('%s passes when %s is allowed', (address, cidr) => {
    expect(isAllowedAddress(address, parseAllowList(['192.0.2.0/24', cidr]))).toBe(true)
  })

  test.each([
    ['10.0.0.1', '127.0.0.0/8'],
    ['192.168.0.1', '10.0.0.0/8'],
    ['::1', '127.0.0.0/8'],
    ['::127.0.0.1', '127.0.0.0/8'],
    ['127.0.0.1', '::1/128'],
    ['127.0.0.1', '::/0'],
    ['169.254.169.254', '169.254.169.252/31'],
  ])('%s is judged on its own when only %s is allowed', (address, cidr) => {
    const allow = parseAllowList([cidr])
    expect(isAllowedAddress(address, allow)).toBe(isAllowedAddress(address, []))
  })

  test('embedded in any IPv6 form is allowed only if it is allowed itself', () => {
    const octet = integer({ min: 0, max: 255 })
    const prefix = constantFrom('::ffff:', '::', '64:ff9b::', '::ffff:0:')
    const result = check(
      property(tuple(octet, octet, octet, octet), prefix, (octets, start) => {
        const address = octets.join('.')
        return isAllowedAddress(address, []) || !isAllowedAddress(`${start}${address}`, [])
      }),
    )
    expect(result.counterexample).toBeNull()
  })
})

describe('the allow list', () => {
  test.each([
    '10/8',
    '10.0.0.0',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/8/8',
    '0x7f.1/8',
    'localhost/8',
    '::ffff:0:0/90',
    'fe80::1%eth0/64',
    '10.0.0.0/-1',
    '10.0.0.0/1e1',
    '',
  ])('refuses %j and says so when the guard is made', (cidr) => {
    expect(() => createEgress({ allowCidrs: ['127.0.0.0/8', cidr] })).toThrow(TypeError)
    expect(() => createEgress({ allowCidrs: ['127.0.0.0/8', cidr] })).toThrow(JSON.stringify(cidr))
  })
})

describe('fetch', () => {
  test.each([
    'http://127.0.0.1/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://017700000001/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://①②⑦.⓪.⓪.①/',
    'http://0/',
    'http://[::1]/',
    'https://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://168.63.129.16/',
    'http://localhost/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'data:text/plain,hello',
    'http://user:password@example.com/',
    'http://user@example.com/',
    'http://[fe80::1%25eth0]/',
    'not a URL',
  ])('refuses %s', async (url) => {
    await expect(open([]).fetch(url)).rejects.toMatchObject(refused)
  })

  test('names the host in its refusal, but neither its address nor the secrets of the URL', async () => {
    const thrown = await open([])
      .fetch('http://localhost:1234/path?token=secret')
      .catch((error: unknown) => error)
    expect(thrown).toMatchObject({ message: expect.stringContaining('localhost') })
    expect(thrown).not.toMatchObject({ message: expect.stringMatching(/secret|127\.0|::1|fetch failed/) })
  })

  test('reaches an allowed address by number and by name', async () => {
    const site = await serve((_request, response) => response.end('hello'))
    const egress = open(loopback)
    for (const host of ['127.0.0.1', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost']) {
      const response = await egress.fetch(`http://${host}:${site.port}/`)
      expect(await response.text()).toBe('hello')
    }
  })

  test('reaches a name only by those of its addresses that are allowed', async () => {
    const site = await serve((_request, response) => response.end('hello'))
    const mixed: Resolve = (_name, _options, callback) =>
      callback(null, [
        { address: '::1', family: 6 },
        { address: '10.0.0.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])
    const response = await open(['127.0.0.0/8'], mixed).fetch(`http://mixed.example:${site.port}/`)
    expect(await response.text()).toBe('hello')
    await expect(open(['192.0.2.0/24'], mixed).fetch(`http://mixed.example:${site.port}/`)).rejects.toMatchObject(
      refused,
    )
  })

  test('is safe against a name that changes its address: each connection looks up once and uses the checked address', async () => {
    const connections: number[] = []
    const site = await serve((_request, response) => response.setHeader('connection', 'close').end('hello'))
    site.server.on('connection', (socket) => connections.push(socket.remotePort ?? 0))
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.1']
    const rebinding: Resolve = (_name, _options, callback) =>
      callback(null, [{ address: answers.shift() ?? '127.0.0.2', family: 4 }])
    const egress = open(['127.0.0.1/32'], rebinding)
    const url = `http://rebinding.example:${site.port}/`
    expect(await (await egress.fetch(url)).text()).toBe('hello')
    await expect(egress.fetch(url)).rejects.toMatchObject(refused)
    expect(await (await egress.fetch(url)).text()).toBe('hello')
    expect(connections).toHaveLength(2)
  })

  test('refuses a redirect from an allowed host to a refused one, before and after the connection is reused', async () => {
    let reached = 0
    const inner = await serve((_request, response) => {
      reached += 1
      response.end('secret')
    }, '127.0.0.2')
    const outer = await serve((request, response) => {
      if (request.url === '/ok') response.end('hello')
      else response.writeHead(302, { location: inner.url }).end()
    })
    const egress = open(['127.0.0.1/32'])
    const away = { ...refused, message: expect.stringContaining('127.0.0.2') }
    await expect(egress.fetch(`${outer.url}/away`)).rejects.toMatchObject(away)
    expect(await (await egress.fetch(`${outer.url}/ok`)).text()).toBe('hello')
    await expect(egress.fetch(`${outer.url}/away`)).rejects.toMatchObject(away)
    expect(reached).toBe(0)
  })

  test.each([
    'file:///etc/passwd',
    'ftp://example.com/',
    'http://user:password@127.0.0.1/',
    '//user@127.0.0.1/',
    'http://[',
  ])('refuses a redirect to %s', async (location) => {
    const site = await serve((_request, response) => response.writeHead(302, { location }).end())
    await expect(open(loopback).fetch(site.url)).rejects.toMatchObject(refused)
    expect((await open(loopback).fetch(site.url, { redirect: 'manual' })).headers.get('location')).toBe(location)
  })

  test('the fence of a job does not follow a redirect to another origin', async () => {
    const seen: unknown[] = []
    const other = await serve((request, response) => {
      seen.push([request.headers['drover-fence'], request.headers['drover-hops']])
      response.end()
    })
    const site = await serve((request, response) => {
      seen.push(request.headers['drover-fence'])
      const location = request.url === '/' ? '/again' : other.url
      response.writeHead(307, { location }).end()
    })
    await open(loopback).fetch(site.url, { headers: { 'drover-fence': '7', 'drover-hops': '1' } })
    expect(seen).toEqual(['7', '7', [undefined, '1']])
  })

  test('follows ten redirects and no more', async () => {
    const site = await serve((request, response) => {
      const left = Number(request.url?.slice(1))
      if (left === 0) response.end('arrived')
      else response.writeHead(307, { location: `/${left - 1}` }).end()
    })
    const egress = open(loopback)
    expect(await (await egress.fetch(`${site.url}/10`)).text()).toBe('arrived')
    await expect(egress.fetch(`${site.url}/11`)).rejects.toMatchObject({ code: 'too_many_redirects', retryable: false })
  })

  test.each([
    ['/there ', '/there'],
    ['\t/there\t ', '/there'],
    ['/there?q=%20', '/there?q=%20'],
  ])('follows a Location with white space around it: %j', async (location, path) => {
    const site = await serveRaw((request) =>
      request.startsWith('GET /start')
        ? `HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`
        : `HTTP/1.1 200 OK\r\ncontent-length: ${request.split(' ')[1]?.length}\r\n\r\n${request.split(' ')[1]}`,
    )
    const { fetch } = open(['127.0.0.0/8'])
    expect(await (await fetch(`${site}/start`)).text()).toBe(path)
  })

  const continues = 'HTTP/1.1 100 Continue\r\nx-note: go on\r\n\r\n'
  test.each<[string, string[]]>([
    ['in one piece', [`${continues}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`]],
    ['by itself', [continues, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok']],
    ['twice', [continues + continues, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok']],
    ['cut anywhere', `${continues}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`.split('')],
    [
      'before another interim response',
      [continues, 'HTTP/1.1 103 Early Hints\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'],
    ],
    ['before a response without a reason', [continues, 'HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok']],
  ])('passes over an unsolicited 100 Continue: %s', async (_name, pieces) => {
    const site = await serveRaw(() => pieces)
    const { fetch } = open(['127.0.0.0/8'])
    // The second time on the same connection.
    for (const method of ['POST', 'POST', 'GET']) {
      const response = await fetch(site, { method, ...(method === 'POST' && { body: 'do it' }) })
      expect(response.status).toBe(200)
      expect(await response.text()).toBe('ok')
    }
  })

  test('leaves a body alone that looks like a 100 Continue', async () => {
    const body = `${continues}${continues}`
    const site = await serveRaw(() => [
      'HTTP/1.1 200 OK\r\ncontent-length: ' + body.length + '\r\n\r\n',
      continues,
      continues,
    ])
    const { fetch } = open(['127.0.0.0/8'])
    expect(await (await fetch(site)).text()).toBe(body)
  })

  test('sends a form', async () => {
    const site = await serve((request, response) => request.pipe(response))
    const form = new FormData()
    form.append('field', 'value')
    form.append('file', new File(['content'], 'name.txt'))
    const echoed = await (await open(loopback).fetch(site.url, { method: 'POST', body: form })).text()
    expect(echoed).toContain('name="field"\r\n\r\nvalue')
    expect(echoed).toContain('filename="name.txt"')
  })

  test('fails with the reason of its signal', async () => {
    const site = await serve(() => stop.abort(new Error('enough')))
    const stop = new AbortController()
    await expect(open(loopback).fetch(site.url, { signal: stop.signal })).rejects.toThrow('enough')
  })

  test('distinguishes network errors from refusals', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await expect(open(loopback).fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow(TypeError)
  })

  test('fails after close, which may be called twice and ends running requests', async () => {
    const site = await serve(() => void egress.close())
    const egress = open(loopback)
    await expect(egress.fetch(site.url)).rejects.toThrow(TypeError)
    await egress.close()
    await expect(egress.fetch(site.url)).rejects.toThrow('closed')
  })
})
