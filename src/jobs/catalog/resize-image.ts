import { z } from 'zod'
import { defineJob, type JobContext, PermanentError } from '../define-job.ts'
import { describeNetworkError, readBody, refuseStatus } from '../web/http-response.ts'

const maxImageBytes = 20 * 1024 * 1024
/** A raw image needs four bytes per pixel: 200 MB. */
const maxImagePixels = 50_000_000
/** The limit of WebP; other formats allow more than fits into memory. */
const maxOutputSide = 16_383

const side = z.int().min(1).max(8192)

const input = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'is not an http or https URL' })
      .max(8192)
      .optional(),
    data_base64: z.base64().min(1).optional(),
    width: side.optional(),
    height: side.optional().describe('If only one side is given, the other follows from the aspect ratio'),
    fit: z
      .enum(['cover', 'contain', 'fill', 'inside', 'outside'])
      .default('cover')
      .describe('If both sides are given: crop, pad, stretch, or scale to fit within or around them'),
    format: z.enum(['jpeg', 'png', 'webp', 'avif']).default('webp'),
    quality: z.int().min(1).max(100).default(80).describe('No effect on png, which is lossless'),
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

/** Decodes untrusted images, therefore in a process: a decoder that crashes affects nothing else. */
export default defineJob({
  type: 'resize-image',
  title: 'Resize an image',
  description:
    'Resizes a JPEG, PNG, WebP, AVIF, GIF (its first frame) or TIFF image, rotates it as its EXIF orientation says, and encodes it without metadata. At most 20 MiB, and 50 megapixels before and after. Transparency becomes white if the format has none.',
  runsOn: 'process',
  input,
  output,
  examples: [{ input: { url: 'https://example.com/cat.jpg', width: 320, format: 'webp' } }],
  async run({ url, data_base64, width, height, fit, format, quality }, job) {
    const source = url === undefined ? Buffer.from(data_base64 ?? '', 'base64') : await download(url, job)
    if (source.length > maxImageBytes) throw tooLarge(`the image is larger than ${maxImageBytes} bytes`)
    const { default: sharp } = await import('sharp')
    // One thread per job and no cache: the executor bounds the number of processes.
    sharp.concurrency(1)
    sharp.cache(false)
    // Reads only the header, without a size limit: with one, an image that is too large would be refused as damaged.
    const size = await sharp(source, { limitInputPixels: false }).metadata().then(readSize, refuseUndecodable)
    requireOutputSize(size, { width, height, fit })
    job.signal.throwIfAborted()

    const background = { r: 255, g: 255, b: 255, alpha: 0 }
    const image = sharp(source, { limitInputPixels: maxImagePixels, failOn: 'error', autoOrient: true })
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
    return await readBody(response, maxImageBytes)
  } catch (error) {
    throw describeNetworkError(error, url, job.signal)
  }
}

interface Size {
  width: number
  height: number
}

/** Not SVG: it is rendered, at a cost that its author chooses. */
const decodable = ['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff']

function readSize({ format, autoOrient }: { format: string; autoOrient: Size }): Size {
  if (!decodable.includes(format)) return refuseUndecodable()
  if (autoOrient.width * autoOrient.height > maxImagePixels) {
    throw tooLarge(`the image has more than ${maxImagePixels} pixels`)
  }
  return autoOrient
}

/** Bounds the output like the input: one pixel can be asked for as 8192 × 8192, which AVIF takes most of a minute to encode. */
function requireOutputSize(image: Size, asked: Asked): void {
  const { width, height } = outputSize(image, asked)
  if (Math.max(width, height) > maxOutputSide) {
    throw tooLarge(`the resized image would have a side of more than ${maxOutputSide} pixels`)
  }
  if (width * height > maxImagePixels) {
    throw tooLarge(`the resized image would have more than ${maxImagePixels} pixels`)
  }
}

interface Asked {
  width: number | undefined
  height: number | undefined
  fit: 'cover' | 'contain' | 'fill' | 'inside' | 'outside'
}

/** Before rounding. */
function outputSize(image: Size, { width, height, fit }: Asked): Size {
  if (width !== undefined && height !== undefined && fit !== 'inside' && fit !== 'outside') return { width, height }
  if (fit === 'fill') return { width: width ?? image.width, height: height ?? image.height }
  const scales = [(width ?? 0) / image.width, (height ?? 0) / image.height].filter((scale) => scale > 0)
  const scale = fit === 'inside' ? Math.min(...scales) : Math.max(...scales)
  return { width: image.width * scale, height: image.height * scale }
}

function tooLarge(message: string): PermanentError {
  return new PermanentError(message, { code: 'image_too_large' })
}

function refuseUndecodable(cause?: unknown): never {
  throw new PermanentError('this is not an image that can be decoded', { code: 'undecodable_image', cause })
}
