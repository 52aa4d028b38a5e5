import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRange } from '../../aws/ranged-read.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { propertyRuns } from '../fixtures/property-runs.ts'

const request = { objectName: 's3://vault/key', versionId: 'v1', offset: 10, bytes: 5 }
const good = { versionId: 'v1', contentRange: 'bytes 10-14/100', contentLength: 5 }
const never = new AbortController().signal

function body(...parts: string[]): Readable {
  return Readable.from(parts.map((part) => Buffer.from(part)))
}

describe('a range', () => {
  test('has the bytes that were sent, in chunks of any size', async () => {
    const bytes = await readRange({ ...good, body: body('a', 'bcd', 'e') }, request, never)
    expect(Buffer.from(bytes).toString()).toBe('abcde')
  })

  test('owns its buffer, so that a caller can transfer it', async () => {
    const bytes = await readRange({ ...good, body: body('abcde') }, request, never)
    expect(bytes.buffer.byteLength).toBe(5)
  })

  test('needs no version, length or total in the response', async () => {
    const reply = {
      versionId: undefined,
      contentRange: 'bytes 10-14/*',
      contentLength: undefined,
      body: body('abcde'),
    }
    expect(await readRange(reply, request, never)).toHaveLength(5)
  })

  test.each([
    ['short', { body: body('abcd') }, '4 of 5 bytes'],
    ['empty', { body: body() }, '0 of 5 bytes'],
    ['longer', { body: body('abc', 'def') }, 'more than the 5 requested bytes'],
    ['another range', { contentRange: 'bytes 0-4/100', body: body('abcde') }, 'another range'],
    ['a wider range', { contentRange: 'bytes 10-15/100', body: body('abcde') }, 'another range'],
    ['a narrower range', { contentRange: 'bytes 10-13/100', body: body('abcd') }, 'another range'],
    ['no range', { contentRange: undefined, body: body('abcde') }, 'not a range'],
    ['a forged range', { contentRange: 'bytes 10-14/1e9', body: body('abcde') }, 'not a range'],
    ['another length', { contentLength: 6, body: body('abcde') }, 'announces 6 bytes'],
    ['another version', { versionId: 'v2', body: body('abcde') }, 'another version'],
  ])('is refused, and retryable, if the response is %s', async (_what, reply, detail) => {
    await expect(readRange({ ...good, ...reply }, request, never)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
      message: expect.stringContaining(detail) as string,
    })
  })

  test('beyond the end of the object is damage, and not retryable', async () => {
    const reply = { ...good, contentRange: 'bytes 10-12/13', contentLength: 3, body: body('abc') }
    await expect(readRange(reply, request, never)).rejects.toMatchObject({
      code: 'damaged',
      retryable: false,
    })
  })

  test('that is refused leaves no open body', async () => {
    const unread = body('abcde')
    await expect(readRange({ ...good, versionId: 'v2', body: unread }, request, never)).rejects.toThrow()
    expect(unread.destroyed).toBe(true)
  })

  test('ends at its deadline', async () => {
    const silent = new Readable({ read: () => undefined })
    await expect(
      readRange({ ...good, body: silent }, request, AbortSignal.timeout(10)),
    ).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(silent.destroyed).toBe(true)
  })
})

test('any head and chunks of a response give the requested bytes or an error', async () => {
  const number = fc.oneof(fc.nat(20), fc.constantFrom(10, 14, 100), fc.nat())
  const contentRange = fc.oneof(
    fc.string(),
    fc.constant(undefined),
    fc
      .tuple(number, number, fc.oneof(number.map(String), fc.constant('*')))
      .map(([first, last, total]) => `bytes ${first}-${last}/${total}`),
    fc.constant(good.contentRange),
  )
  const reply = fc.record({
    versionId: fc.constantFrom(undefined, 'v1', 'v2'),
    contentRange,
    contentLength: fc.option(number, { nil: undefined }),
    parts: fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(reply, async ({ parts, ...head }) => {
      const sent = Buffer.concat(parts.map((part) => Buffer.from(part)))
      const bytes = await readRange({ ...head, body: body(...parts) }, request, never).catch(
        (error: unknown) => {
          if (!isHoldfastError(error, 'unreachable', 'damaged')) throw error
          return null
        },
      )
      if (bytes !== null)
        expect([head.contentRange?.startsWith('bytes 10-14/'), head.versionId, Buffer.from(bytes)]).toEqual([
          true,
          head.versionId === 'v2' ? 'never' : head.versionId,
          sent,
        ])
    }),
    { numRuns: propertyRuns },
  )
})
