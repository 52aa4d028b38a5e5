// The light client of `wal-push` takes the word of the resident process of its command line, and of no other one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { askResident } from '../../restore-cli/resident-client.ts'
import { serveResident } from '../../restore-cli/resident.ts'
import { pushSocket } from '../../restore-cli/wal-socket.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const entry = resolve(import.meta.dirname, '../../restore-cli/wal-push-main.ts')
const directory = makeTemporaryDirectory(undefined, afterAll)
// No vault is given, so that the whole command could never end with 0.
const options = ['--source', 'rental-db']
let run = 0

interface Served {
  environment: Record<string, string>
  socket: string
  requests: unknown[]
}

async function serve(reply: object): Promise<Served> {
  const environment = { XDG_RUNTIME_DIR: join(directory, `run${++run}`), HOME: directory }
  const socket = pushSocket(environment, options)
  const requests: unknown[] = []
  const stop = new AbortController()
  afterAll(() => stop.abort())
  void serveResident({
    ...{ socket, idleMs: 600_000, ageMs: 600_000, signal: stop.signal },
    handle: (request) => {
      requests.push(request)
      return Promise.resolve(reply)
    },
  })
  while ((await askResident(socket, {})) === null) await new Promise((wake) => setTimeout(wake, 5))
  requests.length = 0
  return { environment, socket, requests }
}

async function push(environment: Record<string, string>, args: readonly string[]) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [status] = (await once(child, 'close')) as [number]
  return { status, stderr }
}

describe('the light client of wal-push', () => {
  test('ends with 0 by the word of the resident process of its own command line', async () => {
    const { environment, requests } = await serve({ result: { file: 'f', warning: null } })
    expect(await push(environment, ['pg_wal/f', ...options])).toEqual({ status: 0, stderr: '' })
    expect(requests).toEqual([{ file: resolve('pg_wal/f') }])
  })

  test('another option, variable or order of options: the whole command does the work', async () => {
    const { environment, requests } = await serve({ result: { file: 'f', warning: null } })
    const anotherKey = { ...environment, AWS_ACCESS_KEY_ID: 'another' }
    for (const [variables, args] of [
      [environment, ['f', '--source', 'other']],
      [anotherKey, ['f', ...options]],
      [environment, [...options, 'f', '--json']],
    ] as const)
      expect(await push(variables, args)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/vault|bucket/) as string,
      })
    expect(requests).toEqual([])
  })

  test('a warning and an error: the whole command asks again, and shows them', async () => {
    const warned = await serve({ result: { file: 'f', warning: 'look' } })
    expect(await push(warned.environment, ['f', ...options])).toEqual({
      status: 0,
      stderr: 'warning: f: look\n',
    })
    const failed = await serve({ error: { code: 'conflict', message: 'two clusters', retryable: false } })
    const { status, stderr } = await push(failed.environment, ['f', ...options])
    expect(stderr).toBe('holdfast: two clusters\n')
    expect(status).toBeGreaterThan(0)
    expect(status).toBeLessThan(126)
  })

  test('a socket in a directory that other users can enter: its word is not taken', async () => {
    const { environment, socket, requests } = await serve({ result: { file: 'f', warning: null } })
    chmodSync(dirname(socket), 0o711)
    expect(await push(environment, ['f', ...options])).toMatchObject({ status: 2 })
    expect(requests).toEqual([])
  })
})
