import { defineJob, PermanentError } from 'drover'
import { z } from 'zod'

const row = z.tuple([z.string().min(1), z.coerce.number()])
type Row = z.output<typeof row>

/** Where the import is: so many bytes of the file are done. */
const place = z.object({ bytes: z.int(), rows: z.int(), total: z.number() })

const batchSize = 1000

/** Stands for your database. The rows after the last checkpoint may come twice, so insert or update by a key of the row. */
async function save(rows: Row[]): Promise<number> {
  return rows.reduce((sum, [, amount]) => sum + amount, 0)
}

export default defineJob({
  type: 'csv-import',
  title: 'Import a CSV file of names and amounts',
  runsOn: 'event-loop',
  input: z.object({ url: z.url() }),
  output: place,
  attempts: 5,
  backoff: { type: 'exponential', delayMs: 200, jitter: 0.5 },
  timeoutMs: 60 * 60_000,
  async run({ url }, job) {
    const at = place.parse(job.restored ?? { bytes: 0, rows: 0, total: 0 })
    if (job.restored) job.log(`goes on after ${at.rows} rows`)
    const response = await job.fetch(url, at.bytes > 0 ? { headers: { range: `bytes=${at.bytes}-` } } : {})
    // The file ended where the last start was.
    if (response.status === 416) return at
    if (!response.ok || !response.body) throw new Error(`the file answers ${response.status}`)
    const isRest = response.status === 206
    const size = Number(response.headers.get('content-length')) + (isRest ? at.bytes : 0)
    let batch: Row[] = []
    let bytes = at.bytes
    const store = async () => {
      at.total += await save(batch)
      at.rows += batch.length
      at.bytes = bytes
      batch = []
      await job.checkpoint(at)
      if (size > 0) job.progress(Math.min(bytes / size, 1), `${at.rows} rows`)
    }
    for await (const line of linesOf(response.body, isRest ? 0 : at.bytes)) {
      // The first line has the names of the columns.
      if (bytes > 0) batch.push(parse(line, at.rows + batch.length + 1))
      bytes += line.length
      if (batch.length === batchSize) await store()
    }
    await store()
    return at
  },
})

function parse(line: Buffer, number: number): Row {
  const parsed = row.safeParse(line.toString().trimEnd().split(','))
  // No other attempt can read it.
  if (!parsed.success) throw new PermanentError(`row ${number} is not a name and an amount`, { code: 'bad_row' })
  return parsed.data
}

/** The lines of a body with their ends, without the first `skip` bytes. */
async function* linesOf(body: ReadableStream<Uint8Array>, skip: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  let toSkip = skip
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk.subarray(toSkip)])
    toSkip = Math.max(0, toSkip - chunk.length)
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield rest.subarray(0, end + 1)
      rest = rest.subarray(end + 1)
    }
  }
  if (rest.length > 0) yield rest
}
