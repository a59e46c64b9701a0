import fc from 'fast-check'

/** Header values as bytes may be: Latin-1 without control characters. */
export const headerText = fc
  .string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code === 0x7f ? 0x20 : code)),
    maxLength: 60,
  })
  .map((text) => text.trim())

const oddHeaders = fc.record(
  {
    prefer: fc.oneof(fc.constantFrom('wait=0', 'wait=1', 'respond-async, wait=0', 'wait=-1', 'wait=1e9'), headerText),
    'idempotency-key': fc.oneof(fc.constantFrom('a', 'b', '"a"', ''), headerText),
    'last-event-id': fc.oneof(fc.constantFrom('0', '1', '999999999999999', '-1'), headerText),
    range: fc.oneof(fc.constantFrom('bytes=0-0', 'bytes=-1', 'bytes=9-1', 'items=0-5'), headerText),
    'if-none-match': fc.oneof(fc.constantFrom('*', '"x"', 'W/"x", "y"'), headerText),
    'if-modified-since': headerText,
    accept: fc.oneof(fc.constantFrom('text/html', 'application/x-ndjson', 'text/event-stream', '*/*;q=0'), headerText),
    'accept-encoding': headerText,
    'content-type': fc.oneof(
      fc.constantFrom('application/json', 'application/json; charset=utf-16', 'text/plain', 'application/problem+json'),
      headerText,
    ),
    'content-encoding': fc.constantFrom('gzip', 'identity', 'br', 'nonsense'),
    traceparent: headerText,
    'request-id': headerText,
    authorization: headerText,
    cookie: headerText,
    origin: headerText,
    expect: fc.constantFrom('200-ok', '100-continue'),
    'x-http-method-override': fc.constantFrom('DELETE', 'PATCH'),
    'x-forwarded-for': fc.array(headerText, { maxLength: 3 }),
  },
  { requiredKeys: [] },
)

/** Most requests get past the first look at their headers. */
export const someHeaders = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Record<string, string | string[]>>({}) },
  {
    weight: 3,
    arbitrary: oddHeaders.map(({ 'content-type': _type, 'content-encoding': _coding, ...others }) => others),
  },
  { weight: 1, arbitrary: oddHeaders },
)

export const oddSegment = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }).map(encodeURIComponent),
  fc.webPath({ size: 'small' }).map((path) => path.slice(1)),
  fc.constantFrom(
    '%00',
    '%2f',
    '../..',
    '%2e%2e',
    '%',
    '%ff',
    'x'.repeat(600),
    '*',
    ';',
    ':id',
    '__proto__',
    'constructor',
  ),
)

export const oddQuery = fc.oneof(
  fc.webQueryParameters(),
  fc
    .array(
      fc.tuple(
        fc.constantFrom('state', 'type', 'tag', 'limit', 'cursor', 'created_after', 'after', '__proto__', 'limit[]'),
        fc.oneof(
          fc.string({ unit: 'grapheme', maxLength: 30 }).map(encodeURIComponent),
          fc.constantFrom(
            '',
            '0',
            '1',
            '200',
            '1e2',
            '-1',
            'NaN',
            '9'.repeat(30),
            'succeeded',
            '2026-01-01T00:00:00Z',
            'MSAx',
          ),
        ),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&')),
)
