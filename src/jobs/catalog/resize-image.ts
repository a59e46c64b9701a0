import { z } from 'zod'
import { defineJob, type JobContext, PermanentError } from '../define-job.ts'
import { describeNetworkError, readBody, refuseStatus } from '../web/http-response.ts'

const largestImageBytes = 20 * 1024 * 1024
/** A raw image takes four bytes per pixel: 200 MB. */
const largestImagePixels = 50_000_000
/** WebP ends here; the other formats would allow more than memory does. */
const longestOutputSide = 16_383

const side = z.int().min(1).max(8192)

const input = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'is not an http or https URL' })
      .max(8192)
      .optional(),
    data_base64: z.base64().min(1).optional(),
    width: side.optional(),
    height: side.optional().describe('With only one side given, the other follows from the picture'),
    fit: z
      .enum(['cover', 'contain', 'fill', 'inside', 'outside'])
      .default('cover')
      .describe('With both sides given: crop, pad, stretch, or scale to fit within or around them'),
    format: z.enum(['jpeg', 'png', 'webp', 'avif']).default('webp'),
    quality: z.int().min(1).max(100).default(80).describe('Of no effect on png, which loses nothing'),
  })
  .refine(({ url, data_base64 }) => (url === undefined) !== (data_base64 === undefined), {
    error: 'needs either url or data_base64',
  })
  .refine(({ width, height }) => width !== undefined || height !== undefined, { error: 'needs width, height or both' })

const output = z.strictObject({
  data_base64: z.string(),
  format: z.enum(['jpeg', 'png', 'webp', 'avif']),
  width: z.int(),
  height: z.int(),
  bytes: z.int(),
})

/** Decodes what strangers send, hence in a process: a decoder that crashes takes nothing else with it. */
export default defineJob({
  type: 'resize-image',
  title: 'Resize an image',
  description:
    'Resizes a JPEG, PNG, WebP, AVIF, GIF (its first frame) or TIFF image, upright as its EXIF orientation says, and encodes it anew without metadata. At most 20 MiB and 50 megapixels. Transparency becomes white where the format has none.',
  runsOn: 'process',
  input,
  output,
  examples: [{ input: { url: 'https://example.com/cat.jpg', width: 320, format: 'webp' } }],
  async run({ url, data_base64, width, height, fit, format, quality }, job) {
    const source = url === undefined ? Buffer.from(data_base64 ?? '', 'base64') : await download(url, job)
    if (source.length > largestImageBytes) throw tooLarge(`the image is larger than ${largestImageBytes} bytes`)
    const { default: sharp } = await import('sharp')
    // One job, one thread and no memory of earlier images: the executor counts processes.
    sharp.concurrency(1)
    sharp.cache(false)
    // Reads the header alone, whatever size that states: the limit below would refuse it as if it were damaged.
    const size = await sharp(source, { limitInputPixels: false }).metadata().then(readSize, refuseUndecodable)
    requireOutputSize(size, { width, height, fit })
    job.signal.throwIfAborted()

    const background = { r: 255, g: 255, b: 255, alpha: 0 }
    const image = sharp(source, { limitInputPixels: largestImagePixels, failOn: 'error', autoOrient: true })
    const resized = image.resize(width ?? null, height ?? null, { fit, background })
    const encoded = await (format === 'jpeg' ? resized.flatten({ background: '#fff' }) : resized)
      .toFormat(format, format === 'png' ? {} : { quality })
      .toBuffer({ resolveWithObject: true })
      .catch(refuseUndecodable)
    const { data, info } = encoded
    return { data_base64: data.toString('base64'), format, width: info.width, height: info.height, bytes: data.length }
  },
})

async function download(url: string, job: JobContext): Promise<Buffer> {
  try {
    const response = await job.fetch(url, { headers: { accept: 'image/*' }, signal: job.signal })
    if (!response.ok) throw await refuseStatus(response, url)
    return await readBody(response, largestImageBytes)
  } catch (error) {
    throw describeNetworkError(error, url, job.signal)
  }
}

interface Size {
  width: number
  height: number
}

/** SVG would be drawn, not decoded, at whatever cost its author likes. */
const decodable = ['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff']

function readSize({ format, autoOrient }: { format: string; autoOrient: Size }): Size {
  if (!decodable.includes(format)) return refuseUndecodable()
  if (autoOrient.width * autoOrient.height > largestImagePixels) {
    throw tooLarge(`the image has more than ${largestImagePixels} pixels`)
  }
  return autoOrient
}

/** One given side, or `outside`, can ask for a far longer other side than the schema bounds. */
function requireOutputSize(
  image: Size,
  asked: { width: number | undefined; height: number | undefined; fit: string },
): void {
  const isBounded = asked.width !== undefined && asked.height !== undefined && asked.fit !== 'outside'
  if (isBounded) return
  const isStretched = asked.fit === 'fill'
  const scale = Math.max((asked.width ?? 0) / image.width, (asked.height ?? 0) / image.height)
  const sides = isStretched ? [image.width, image.height] : [image.width * scale, image.height * scale]
  if (Math.max(...sides) > longestOutputSide) {
    throw tooLarge(`the resized image would have a side of more than ${longestOutputSide} pixels`)
  }
}

function tooLarge(message: string): PermanentError {
  return new PermanentError(message, { code: 'image_too_large' })
}

function refuseUndecodable(cause?: unknown): never {
  throw new PermanentError('this is not an image that can be decoded', { code: 'undecodable_image', cause })
}
