import { statSync, writeFileSync, mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { askResident } from '../../restore-cli/resident-client.ts'
import { serveResident } from '../../restore-cli/resident.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const directory = makeTemporaryDirectory(undefined, afterAll)
let run = 0

function start(handle: (request: unknown) => Promise<unknown>, limits: { idleMs?: number } = {}) {
  const stop = new AbortController()
  const socket = join(directory, `s${++run}`, 'socket')
  const options = { socket, handle, idleMs: 60_000, ageMs: 600_000, ...limits, signal: stop.signal }
  const ended = serveResident(options)
  return { socket, options, ended, stop: () => stop.abort() }
}

/** Waits until the socket is served. */
async function ask(socket: string, request: unknown): Promise<unknown> {
  for (;;) {
    const reply = await askResident(socket, request)
    if (reply !== null) return reply
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('a resident process', () => {
  test('gives each request its own result, also several at once', async () => {
    const { socket, ended, stop } = start(async (request) => {
      const { value } = request as { value: number }
      await new Promise((resolve) => setTimeout(resolve, 20 - value))
      return { double: value * 2 }
    })
    await ask(socket, { value: 0 })
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, value) => askResident(socket, { value })),
    )
    expect(replies).toEqual(Array.from({ length: 10 }, (_, value) => ({ double: value * 2 })))
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700)
    stop()
    expect(await ended).toBe(true)
    expect(await askResident(socket, {})).toBeNull()
  })

  test('ends when it is idle', async () => {
    const { socket, ended } = start(() => Promise.resolve({}), { idleMs: 50 })
    expect(await ended).toBe(true)
    expect(await askResident(socket, {})).toBeNull()
  })

  test('is not started twice, and replaces one that was killed', async () => {
    const first = start(() => Promise.resolve({ first: true }))
    await ask(first.socket, {})
    expect(await serveResident(first.options)).toBe(false)
    first.stop()
    await first.ended
    mkdirSync(dirname(first.socket), { recursive: true })
    writeFileSync(first.socket, '')
    const stop = new AbortController()
    const second = serveResident({
      ...first.options,
      handle: () => Promise.resolve({ second: true }),
      signal: stop.signal,
    })
    expect(await ask(first.socket, {})).toEqual({ second: true })
    stop.abort()
    expect(await second).toBe(true)
  })

  test('gives no response to a request that fails, is no JSON or is too long, and goes on', async () => {
    const { socket, ended, stop } = start((request) =>
      (request as { fail?: boolean }).fail === true
        ? Promise.reject(new Error('defect'))
        : Promise.resolve({ ok: true }),
    )
    await ask(socket, {})
    expect(await askResident(socket, { fail: true })).toBeNull()
    expect(await askResident(socket, { text: 'x'.repeat(100_000) })).toBeNull()
    const closed = await new Promise<string>((resolve) => {
      const connection = connect(socket, () => connection.end('{'))
      let text = ''
      connection.on('data', (chunk) => (text += chunk.toString()))
      connection.on('close', () => resolve(text))
    })
    expect(closed).toBe('')
    expect(await askResident(socket, {})).toEqual({ ok: true })
    stop()
    await ended
  })
})

test('a request without a resident process gets no response', async () => {
  expect(await askResident(join(directory, 'none'), {})).toBeNull()
})
