import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import resizeImage from '../../../src/jobs/catalog/resize-image.ts'
import { runJob } from '../../helpers/job-context.ts'
import { serve } from '../../helpers/local-site.ts'

const output = z.object({
  data_base64: z.base64(),
  width: z.int(),
  height: z.int(),
  bytes: z.int(),
  format: z.string(),
})

async function resize(input: Record<string, unknown>) {
  const { data_base64, ...rest } = output.parse(await runJob(resizeImage, input))
  return { ...rest, data: Buffer.from(data_base64, 'base64') }
}

/** Left half red, right half transparent. */
async function png(width: number, height: number): Promise<string> {
  const red = await sharp({ create: { width: width / 2, height, channels: 4, background: '#f00' } })
    .png()
    .toBuffer()
  const canvas = sharp({ create: { width, height, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
  const data = await canvas
    .composite([{ input: red, gravity: 'west' }])
    .png()
    .toBuffer()
  return data.toString('base64')
}

async function pixel(data: Buffer, left: number, top: number): Promise<number[]> {
  return [...(await sharp(data).ensureAlpha().extract({ left, top, width: 1, height: 1 }).raw().toBuffer())]
}

describe('resize-image', () => {
  test('turns a PNG into a WebP', async () => {
    const { data, ...rest } = await resize({ data_base64: await png(200, 100), width: 50, format: 'webp' })
    expect(rest).toEqual({ width: 50, height: 25, format: 'webp', bytes: data.length })
    expect(data.subarray(0, 4).toString()).toBe('RIFF')
    expect(data.subarray(8, 12).toString()).toBe('WEBP')
    expect(await sharp(data).metadata()).toMatchObject({ format: 'webp', width: 50, height: 25 })
  })

  test.each([
    ['jpeg', 'jpeg'],
    ['png', 'png'],
    ['avif', 'heif'],
  ])('makes a real %s', async (format, detected) => {
    const { data } = await resize({ data_base64: await png(40, 20), height: 10, format })
    expect(await sharp(data).metadata()).toMatchObject({ format: detected, width: 20, height: 10 })
  })

  test.each([
    ['cover', 50, 50],
    ['contain', 50, 50],
    ['fill', 50, 50],
    ['inside', 50, 25],
    ['outside', 100, 50],
  ])('fits by %s', async (fit, width, height) => {
    expect(await resize({ data_base64: await png(200, 100), width: 50, height: 50, fit })).toMatchObject({
      width,
      height,
    })
  })

  test('keeps transparency if the format can, and makes it white otherwise', async () => {
    const image = await png(20, 20)
    expect(await pixel((await resize({ data_base64: image, width: 20, format: 'png' })).data, 18, 10)).toEqual([
      0, 0, 0, 0,
    ])
    expect(await pixel((await resize({ data_base64: image, width: 20, format: 'jpeg' })).data, 18, 10)).toEqual([
      255, 255, 255, 255,
    ])
  })

  test('spends fewer bytes on less quality', async () => {
    const noise = sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
      },
    })
    const data_base64 = (await noise.png().toBuffer()).toString('base64')
    const [low, high] = [
      await resize({ data_base64, width: 64, quality: 10 }),
      await resize({ data_base64, width: 64, quality: 95 }),
    ]
    expect(low.bytes).toBeLessThan(high.bytes)
  })

  test('rotates a picture as its EXIF orientation says', async () => {
    const lying = await sharp(Buffer.from(await png(200, 100), 'base64'))
      .flatten()
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer()
    expect(await resize({ data_base64: lying.toString('base64'), width: 50 })).toMatchObject({ width: 50, height: 100 })
  })

  test('fetches the image of a URL', async () => {
    const image = Buffer.from(await png(20, 20), 'base64')
    const site = await serve((_request, response) => response.end(image))
    expect(await resize({ url: site.url, width: 10 })).toMatchObject({ width: 10, height: 10 })
    await expect(runJob(resizeImage, { url: site.url, width: 10 }, { allowCidrs: [] })).rejects.toMatchObject({
      code: 'egress_refused',
    })
  })

  test.each([
    [404, false],
    [503, true],
  ])('knows whether a %i is worth another attempt', async (status, retryable) => {
    const site = await serve((_request, response) => response.writeHead(status).end())
    await expect(runJob(resizeImage, { url: site.url, width: 10 })).rejects.toMatchObject({
      code: 'unexpected_status',
      retryable,
    })
  })

  test.each([
    ['text', Buffer.from('this is not an image')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>')],
    ['half a PNG', Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9', 'base64')],
  ])('refuses %s for good', async (_what, data) => {
    await expect(runJob(resizeImage, { data_base64: data.toString('base64'), width: 10 })).rejects.toMatchObject({
      code: 'undecodable_image',
      retryable: false,
    })
  })

  test('refuses a small file with huge dimensions', async () => {
    const bomb = await sharp({ create: { width: 8000, height: 8000, channels: 3, background: '#000' } })
      .png()
      .toBuffer()
    await expect(runJob(resizeImage, { data_base64: bomb.toString('base64'), width: 10 })).rejects.toMatchObject({
      code: 'image_too_large',
      retryable: false,
    })
  })

  test.each([[{ width: 1000 }], [{ width: 1000, height: 1, fit: 'outside' }]])(
    'refuses %j where the other side would be endless',
    async (asked) => {
      const strip = await sharp({ create: { width: 1, height: 1000, channels: 3, background: '#000' } })
        .png()
        .toBuffer()
      await expect(runJob(resizeImage, { data_base64: strip.toString('base64'), ...asked })).rejects.toMatchObject({
        code: 'image_too_large',
      })
    },
  )

  test.each([
    [{ width: 8192, height: 8192, format: 'avif' }],
    [{ width: 8192, height: 8192, fit: 'inside' }],
    [{ width: 8192 }],
    [{ height: 8192 }],
    [{ width: 1, height: 8192, fit: 'outside' }],
  ])('refuses %j for a single pixel, as it refuses such an input', async (asked) => {
    const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
      .png()
      .toBuffer()
    await expect(runJob(resizeImage, { data_base64: dot.toString('base64'), ...asked })).rejects.toMatchObject({
      code: 'image_too_large',
    })
  })

  test('does not refuse a large box that the picture only has to fit into', async () => {
    const box = { width: 8192, height: 8, fit: 'inside', format: 'png' }
    expect(await resize({ data_base64: await png(20, 10), ...box })).toMatchObject({ width: 16, height: 8 })
  })

  test('takes an image of several megabytes', async () => {
    const noise = sharp({
      create: {
        width: 1600,
        height: 1200,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
    const data_base64 = (await noise.png({ compressionLevel: 0 }).toBuffer()).toString('base64')
    expect(data_base64.length).toBeGreaterThan(7_000_000)
    expect(await resize({ data_base64, width: 16 })).toMatchObject({ width: 16, height: 12 })
  })

  test.each([
    [{ width: 10 }],
    [{ data_base64: 'AAAA', url: 'http://example.com/', width: 10 }],
    [{ data_base64: 'AAAA' }],
    [{ data_base64: 'not base64!', width: 10 }],
    [{ data_base64: 'AAAA', width: 0 }],
    [{ data_base64: 'AAAA', width: 10, quality: 101 }],
    [{ data_base64: 'AAAA', width: 10, format: 'gif' }],
    [{ url: 'file:///etc/passwd', width: 10 }],
  ])('refuses %j', (input) => {
    expect(resizeImage.input.safeParse(input).success).toBe(false)
  })
})
