import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import { WorkerPool } from '../../engine/worker-pool.ts'
import type { SendResponse, WorkerCode } from '../../engine/worker-pool.ts'
import { describeDirectory } from '../fixtures/directory-description.ts'
import { randomBytes } from '../fixtures/manual-clock.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'

const log: string[] = []

class Echo implements WorkerCode<Uint8Array> {
  private readonly reply: SendResponse<Uint8Array>

  constructor(_: null, reply: SendResponse<Uint8Array>) {
    this.reply = reply
  }

  receive(message: Uint8Array): void {
    if (message.length === 0) throw new HoldfastError('damaged', 'nothing came')
    this.reply(message, [message.buffer as ArrayBuffer])
    log.push(`replied, and ${message.length} bytes are left`)
  }

  close(): void {
    log.push('closed')
  }
}

function startEcho(): {
  pool: WorkerPool<null, Uint8Array, Uint8Array>
  responses: Uint8Array[]
  failures: unknown[]
} {
  const responses: Uint8Array[] = []
  const failures: unknown[] = []
  const pool = new WorkerPool<null, Uint8Array, Uint8Array>({ code: Echo, thread: 'none' }, 0, null, {
    message: (response) => responses.push(response),
    failure: (error) => failures.push(error),
  })
  log.length = 0
  return { pool, responses, failures }
}

async function turn(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve))
}

test('without threads there is one member, which answers later and in order', async () => {
  const { pool, responses } = startEcho()
  expect([pool.members.length, pool.startedMembers.length]).toEqual([1, 0])
  for (const length of [3, 1, 2]) pool.members[0]!.send(new Uint8Array(length))
  expect(responses).toEqual([])
  await turn()
  expect(responses.map(({ length }) => length)).toEqual([3, 1, 2])
  expect(pool.startedMembers).toEqual(pool.members)
})

test('without threads memory has one owner too: what was transferred is gone from who sent it, what was not is a copy', async () => {
  const { pool, responses } = startEcho()
  const [transferred, cloned] = [Uint8Array.of(1, 2), Uint8Array.of(3, 4)]
  pool.members[0]!.send(transferred, [transferred.buffer])
  pool.members[0]!.send(cloned)
  expect([transferred.length, cloned.length]).toEqual([0, 2])
  cloned[0] = 9
  await turn()
  expect(responses).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3, 4)])
  expect(log).toEqual(['replied, and 0 bytes are left', 'replied, and 0 bytes are left'])
})

test('what the worker throws without threads fails the pool as it is, and nothing more is received', async () => {
  const { pool, responses, failures } = startEcho()
  for (const length of [0, 1]) pool.members[0]!.send(new Uint8Array(length))
  await turn()
  expect(failures).toMatchObject([{ code: 'damaged', message: 'nothing came' }])
  expect(responses).toEqual([])
})

test('a pool without threads that was stopped gives back what it held and receives nothing', async () => {
  const { pool, responses } = startEcho()
  pool.members[0]!.send(new Uint8Array(1))
  await pool.stop()
  await turn()
  expect(responses).toEqual([])
  expect(log).toEqual(['closed'])
})

/** Files and directories that this process has open. Sockets of earlier test files may close meanwhile. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`)
      return path.startsWith('/') ? [`${descriptor} ${path}`] : []
    } catch {
      // The descriptor of the listing itself.
      return []
    }
  })
}

test('a backup and a restore without threads do what those with two do, and leave no descriptor open', async () => {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'deep/er'), { recursive: true })
  writeFileSync(join(source.directory, 'large'), randomBytes(20 * 1024 * 1024, 5))
  for (let index = 0; index < 700; index++)
    writeFileSync(join(source.directory, 'deep/er', `f${index}`), `file ${index}`)
  const before = openFiles()
  const alone = await source.backup({ workers: 0 })
  const restored = await source.restore({ workers: 0 })
  expect(openFiles().filter((file) => !before.includes(file))).toEqual([])
  expect([restored.damaged, restored.problems]).toEqual([[], []])
  expect(describeDirectory(restored.target)).toEqual(describeDirectory(source.directory))
  source.loseCache()
  const threaded = await source.backup({ workers: 2 })
  const [first, second] = await Promise.all(
    [alone, threaded].map(({ snapshot }) => source.snapshot(snapshot!.id)),
  )
  expect(first!.manifest.tree).toEqual(second!.manifest.tree)
  expect(await source.verify(true, first)).toMatchObject({ objects: [], files: [] })
})
