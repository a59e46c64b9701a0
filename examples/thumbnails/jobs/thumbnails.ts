import { defineJob, PermanentError } from 'drover'
import sharp from 'sharp'
import { z } from 'zod'

const thumbnail = z.object({ width: z.int(), height: z.int(), data_base64: z.base64() })

/** A process of its own: a picture that crashes the decoder takes down this job alone. */
export default defineJob({
  type: 'thumbnails',
  title: 'Make thumbnails of an image',
  runsOn: 'process',
  input: z.object({ url: z.url(), widths: z.array(z.int().min(1).max(2000)).min(1).default([64, 256]) }),
  output: z.object({ thumbnails: z.array(thumbnail) }),
  attempts: 3,
  timeoutMs: 30_000,
  async run({ url, widths }, job) {
    // Refuses private addresses, and aborts with the job.
    const response = await job.fetch(url)
    if (response.status === 404) throw new PermanentError('there is no such image', { code: 'no_image' })
    if (!response.ok) throw new Error(`the image answers ${response.status}`)
    const image = sharp(await response.arrayBuffer())
    const thumbnails: z.output<typeof thumbnail>[] = []
    for (const [n, width] of widths.entries()) {
      const { data, info } = await image.clone().resize({ width }).webp().toBuffer({ resolveWithObject: true })
      thumbnails.push({ width: info.width, height: info.height, data_base64: data.toString('base64') })
      job.progress((n + 1) / widths.length, `${width} pixels`)
    }
    return { thumbnails }
  },
})
