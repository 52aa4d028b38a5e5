import fc from 'fast-check'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { FaultInjector, faultKinds } from '../../../../lab/sandbox/gateway/faults.ts'
import type { FaultKind, FaultPlan } from '../../../../lab/sandbox/gateway/faults.ts'
import { send } from '../raw-request.ts'
import { rootOf, startWorld, vaultAccount } from '../world.ts'

const target = { method: 'GET', path: '/', service: 's3' }

describe('the injector', () => {
  test('replays the same faults from the same seed', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const draw = () => {
          const injector = new FaultInjector({ seed, rates: { 'slow-down': 0.3, 'reset-after': 0.3 } })
          return Array.from({ length: 40 }, () => injector.draw(target))
        }
        expect(draw()).toEqual(draw())
      }),
    )
  })

  test('fires each fault about as often as its rate says, and never a fault without a rate', () => {
    const injector = new FaultInjector({ seed: 7, rates: { 'internal-error': 0.25, stall: 0 } })
    const drawn = Array.from({ length: 4000 }, () => injector.draw(target))
    const count = drawn.filter((kind) => kind === 'internal-error').length
    expect(count).toBeGreaterThan(900)
    expect(count).toBeLessThan(1100)
    expect(new Set(drawn)).toEqual(new Set(['internal-error', null]))
  })

  test('refuses rates that are not probabilities', () => {
    expect(() => new FaultInjector({ seed: 0, rates: { stall: 0.6, 'slow-down': 0.6 } })).toThrow(RangeError)
    expect(() => new FaultInjector({ seed: 0, rates: { stall: -0.1 } })).toThrow(RangeError)
  })
})

/** A sandbox in which every request to `/versioned/<fault>` meets that fault, once it holds an object. */
async function startFaulty(kind: FaultKind, options: Partial<FaultPlan> = {}) {
  let armed = false
  const sandbox = await startWorld({
    faults: { seed: 3, rates: { [kind]: 1 }, stallMs: 50, slowMs: 50, appliesTo: () => armed, ...options },
  })
  await rootOf(sandbox).send(new PutObjectCommand({ Bucket: 'versioned', Key: 'k', Body: 'original' }))
  armed = true
  const credentials = sandbox.rootCredentials(vaultAccount)
  return {
    sandbox,
    disarm: () => (armed = false),
    read: () =>
      send(sandbox, { path: '/versioned/k', credentials }).then(
        (reply) => reply,
        (error: NodeJS.ErrnoException) => error.code,
      ),
    write: () =>
      send(sandbox, { method: 'PUT', path: '/versioned/k', body: 'changed', credentials }).then(
        (reply) => reply,
        (error: NodeJS.ErrnoException) => error.code,
      ),
  }
}

describe('each fault', () => {
  test.each<[FaultKind, number, string]>([
    ['internal-error', 500, 'InternalError'],
    ['slow-down', 503, 'SlowDown'],
    ['too-many-requests', 429, 'TooManyRequests'],
    ['expired-token', 400, 'ExpiredToken'],
  ])('%s is answered, and nothing is done', async (kind, status, code) => {
    const { sandbox, read, write, disarm } = await startFaulty(kind)
    expect(await write()).toMatchObject({ status, code })
    disarm()
    expect(await read()).toMatchObject({ body: 'original' })
    expect(sandbox.faults?.fired[kind]).toBe(1)
  })

  test('reset-before breaks the connection before the effect, reset-after afterwards', async () => {
    for (const [kind, body] of [
      ['reset-before', 'original'],
      ['reset-after', 'changed'],
    ] as const) {
      const { read, write, disarm } = await startFaulty(kind)
      expect(await write()).toBe('ECONNRESET')
      disarm()
      expect(await read()).toMatchObject({ body })
    }
  })

  test('internal-error-after reports a failure, but the request took effect', async () => {
    const { read, write, disarm } = await startFaulty('internal-error-after')
    expect(await write()).toMatchObject({ status: 500 })
    disarm()
    expect(await read()).toMatchObject({ body: 'changed' })
  })

  test('torn-body ends a GET before its length, flipped-byte changes one byte of it', async () => {
    expect(await (await startFaulty('torn-body')).read()).toBe('ECONNRESET')
    const flipped = (await (await startFaulty('flipped-byte')).read()) as { body: string }
    const differing = [...flipped.body].filter((character, at) => character !== 'original'[at])
    expect([flipped.body.length, differing.length]).toEqual([8, 1])
  })

  test('stall never sends a reply, slow-answer sends it late', async () => {
    expect(await (await startFaulty('stall')).read()).toBe('ECONNRESET')
    expect(await (await startFaulty('slow-answer')).read()).toMatchObject({ status: 200, body: 'original' })
  })

  test('wrong-range returns another range and reports it, whole-body returns everything; a request without a range meets no fault', async () => {
    const rangeRequest = { path: '/versioned/k', headers: { range: 'bytes=2-4' } }
    for (const [kind, reply] of [
      ['wrong-range', { status: 206, body: 'rig', headers: { 'content-range': 'bytes 1-3/8' } }],
      ['whole-body', { status: 200, body: 'original' }],
    ] as const) {
      const { sandbox, read } = await startFaulty(kind)
      expect(
        await send(sandbox, { ...rangeRequest, credentials: sandbox.rootCredentials(vaultAccount) }),
      ).toMatchObject(reply)
      expect(await read()).toMatchObject({ status: 200, body: 'original' })
      expect(sandbox.faults?.fired[kind]).toBe(1)
    }
  })

  test('short-page ends a page after one entry, and the listing continues from there', async () => {
    const { sandbox, write } = await startFaulty('short-page')
    await write()
    const list = (options: string) =>
      send(sandbox, {
        path: `/versioned?versions${options}`,
        credentials: sandbox.rootCredentials(vaultAccount),
      })
    const first = await list('')
    expect([first.body.match(/<Version>/g)?.length, first.body.includes('<IsTruncated>true')]).toEqual([
      1,
      true,
    ])
    const [, marker = ''] = /<NextVersionIdMarker>([^<]+)/.exec(first.body) ?? []
    expect((await list(`&key-marker=k&version-id-marker=${marker}`)).body).toContain('<IsTruncated>false')
    expect(sandbox.faults?.fired['short-page']).toBe(2)
  })

  test('skewed-date dates the reply yesterday or tomorrow', async () => {
    const { read } = await startFaulty('skewed-date')
    const { headers } = (await read()) as { headers: Record<string, string> }
    const daysOff = Math.abs(Date.parse(headers['date']!) - Date.now()) / 86_400_000
    expect([Math.round(daysOff * 100) / 100]).toEqual([1])
  })

  test('has a test above', () => {
    expect(faultKinds).toHaveLength(15)
  })
})

test('the SDK gets through many faults by retries', async () => {
  const sandbox = await startWorld({
    faults: { seed: 11, rates: { 'slow-down': 0.1, 'reset-before': 0.1, 'internal-error': 0.1 } },
  })
  const client = rootOf(sandbox, vaultAccount, 10)
  for (let at = 0; at < 20; at += 1)
    await client.send(new PutObjectCommand({ Bucket: 'versioned', Key: `k${at}`, Body: String(at) }))
  const got = await client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'k19' }))
  expect(await got.Body?.transformToString()).toBe('19')
  expect(Object.values(sandbox.faults?.fired ?? {}).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3)
  expect(sandbox.defects).toEqual([])
})
