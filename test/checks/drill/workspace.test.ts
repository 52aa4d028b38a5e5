// Directories that drills left: which of them still belong to a drill.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { makeWorkspace, removeLeftovers } from '../../../checks/drill/workspace.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const nowMs = Date.UTC(2026, 3, 24)
const endsMs = nowMs + 3_600_000
const fields = { machine: 0, boot: 1, pidNamespace: 2, pid: 3, startTicks: 4, ends: 5 } as const
let scratch: string

beforeEach(() => {
  scratch = makeFolder()
})

/** A directory as another process would have made it. */
async function workspaceWith(changes: Partial<Record<keyof typeof fields, string>>): Promise<string> {
  const parts = basename(await makeWorkspace(scratch, endsMs)).split('.')
  for (const [name, value] of Object.entries(changes)) parts[1 + fields[name as keyof typeof fields]] = value
  const directory = join(scratch, parts.join('.'))
  mkdirSync(directory, { recursive: true })
  return directory
}

test('only the user of the drill looks inside', async () => {
  expect(statSync(await makeWorkspace(scratch, endsMs)).mode & 0o777).toBe(0o700)
})

test('a directory of a drill that runs is kept', async () => {
  const directory = await makeWorkspace(scratch, endsMs)
  expect(await removeLeftovers(scratch, nowMs)).toBe(0)
  expect(existsSync(directory)).toBe(true)
})

test.each([
  ['its process has ended', { pid: String(spawnSync('true').pid) }],
  ['another process has its id', { startTicks: '1' }],
  ['the machine was started anew', { boot: '00000000' }],
  ['its time is over', { machine: '00000000', ends: String(nowMs / 1000 - 1) }],
])('it is removed if %s', async (_, changes) => {
  const directory = await workspaceWith(changes)
  mkdirSync(join(directory, 'data', 'closed'), { recursive: true })
  writeFileSync(join(directory, 'data', 'closed', 'file'), 'restored')
  chmodSync(join(directory, 'data', 'closed'), 0)
  expect(await removeLeftovers(scratch, nowMs)).toBeGreaterThan(0)
  expect(existsSync(directory)).toBe(false)
})

test.each([
  ['another machine', { machine: '00000000' }],
  ['another container', { pidNamespace: '1' }],
])('it is kept until its time is over if %s may run it', async (_, changes) => {
  const directory = await workspaceWith(changes)
  await removeLeftovers(scratch, nowMs)
  expect(existsSync(directory)).toBe(true)
  await removeLeftovers(scratch, endsMs + 1001)
  expect(existsSync(directory)).toBe(false)
})

test('nothing else is touched, and no link is followed', async () => {
  const outside = makeFolder()
  const outsideFile = join(outside, 'kept')
  writeFileSync(outsideFile, 'kept', { mode: 0o400 })
  const leftover = await workspaceWith({ boot: '00000000' })
  symlinkSync(outside, join(leftover, 'link'))
  symlinkSync(outsideFile, join(leftover, 'file-link'))
  const linkName = basename(leftover).replace(/[0-9a-f]{12}$/, '0'.repeat(12))
  symlinkSync(outside, join(scratch, linkName))
  for (const name of ['holdfast-drill.x', 'data', `${basename(leftover)}.old`]) mkdirSync(join(scratch, name))
  await removeLeftovers(scratch, nowMs)
  expect(readdirSync(scratch)).toEqual(
    expect.arrayContaining(['data', 'holdfast-drill.x', `${basename(leftover)}.old`, linkName]),
  )
  expect(existsSync(leftover)).toBe(false)
  expect(statSync(outsideFile).mode & 0o777).toBe(0o400)
})

test('a directory that is not there is refused, with what to do', async () => {
  const none = join(scratch, 'none')
  for (const work of [() => removeLeftovers(none, nowMs), () => makeWorkspace(none, endsMs)])
    await expect(work()).rejects.toMatchObject({
      code: 'target',
      message: expect.stringContaining('--scratch') as string,
    })
})
