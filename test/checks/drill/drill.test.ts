// Drills on a vault in memory: what passes, what fails, and what is left behind.
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { parseDigestList } from '../../../checks/drill/digest-list.ts'
import { runDrill } from '../../../checks/drill/drill.ts'
import type { DrillOptions } from '../../../checks/drill/drill.ts'
import { defaultDrill } from '../../../checks/drill/drill-settings.ts'
import type { DrillObjectives } from '../../../checks/drill/drill-settings.ts'
import { drillResult } from '../../../checks/reports/drill-result.ts'
import type { DrillResult } from '../../../checks/reports/drill-result.ts'
import { Namespaces } from '../../../checks/restore-test/isolation.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { checkedStore } from '../checks/source-checks.ts'

const hourMs = 3_600_000
const source = new ProtectedSource({ onFinished: afterAll })
const programs = makeFolder()
let scratch: string

function write(name: string, content: string): void {
  writeFileSync(join(source.directory, name), content)
}

function program(name: string, script: string): string {
  const file = join(programs, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return file
}

beforeAll(async () => {
  chmodSync(programs, 0o711)
  for (const [content, hours] of [
    ['first', 5],
    ['the second', 5],
    ['third, and longer', 1],
  ] as const) {
    write('one', content)
    await source.backup()
    source.clock.time += hours * hourMs
    source.store.nowMs += hours * hourMs
  }
})

beforeEach(() => {
  scratch = makeFolder()
  chmodSync(scratch, 0o711)
})

const neverAborted = new AbortController().signal

async function drill(
  changes: Partial<DrillOptions> = {},
  objectives: Partial<DrillObjectives> = {},
): Promise<DrillResult> {
  const { clock, random } = source
  const { result } = await runDrill({
    ...{ clock, random, scratch, source: 'files', choice: 'newest', seed: 'x', digests: null },
    store: checkedStore(source.store),
    objectives: { ...defaultDrill, ...objectives },
    guaranteedDays: 30,
    maxAgeMs: 2 * hourMs,
    trustedKeys: undefined,
    signal: neverAborted,
    limit: neverAborted,
    endsMs: Date.now() + hourMs,
    isolation: new Namespaces(),
    ...changes,
  })
  return drillResult.parse(result)
}

test('the newest state passes, with every figure, and leaves nothing', async () => {
  const result = await drill()
  expect(result).toMatchObject({
    status: 'passed',
    findingCount: 0,
    restored: { files: 1, bytes: 17 },
    postgres: null,
    rpo: { measuredMs: hourMs, objectiveMs: 2 * hourMs },
    rto: { objectiveMs: defaultDrill.maxRestoreTimeMs },
  })
  expect(result.phases.map(({ name }) => name)).toEqual(['choose', 'plan', 'restore', 'read', 'remove'])
  expect(readdirSync(scratch)).toEqual([])
})

test('a random time restores the state of that time, whose age is measured and not judged', async () => {
  const seeds = Array.from({ length: 8 }, (_, index) => `seed-${index}`)
  const results: DrillResult[] = []
  for (const seed of seeds) results.push(await drill({ choice: 'random', seed, maxAgeMs: 1 }))
  expect(results.every(({ status }) => status === 'passed')).toBe(true)
  expect(new Set(results.map(({ restored }) => restored!.bytes))).toEqual(new Set([5, 10]))
  for (const { rpo, requestedMs, snapshot } of results)
    expect(rpo).toEqual({ measuredMs: requestedMs! - snapshot!.timeMs, objectiveMs: 1 })
  const [again] = [await drill({ choice: 'random', seed: seeds[0]! })]
  expect(again.requestedMs).toBe(results[0]!.requestedMs)
})

test('a newest state that is too old has failed, and is restored all the same', async () => {
  expect(await drill({ maxAgeMs: hourMs / 2 })).toMatchObject({
    status: 'failed',
    restored: { bytes: 17 },
    findings: [
      { subject: 'files', detail: 'the newest complete snapshot is 1 h old; the objective is 30 min' },
    ],
  })
})

test('a restore that takes longer than its objective has failed', async () => {
  const result = await drill({
    onPhase: (phase) => void (phase === 'plan' && (source.clock.time += 5 * hourMs)),
  })
  source.clock.time -= 5 * hourMs
  expect(result.status).toBe('failed')
  expect(result.findings[0]!.detail).toMatch(/^the restore took 5 h.*; the objective is 4 h$/)
})

test('a source without a snapshot has failed', async () => {
  for (const choice of ['random', 'newest'] as const)
    expect(await drill({ source: 'never', choice })).toMatchObject({
      status: 'failed',
      snapshot: null,
      restored: null,
      findings: [{ detail: expect.stringContaining('no-recovery-point') as string }],
    })
})

test('digests and a program judge the restored files', async () => {
  const digests = (text: string) =>
    parseDigestList(`${createHash('sha256').update(text).digest('hex')}  one`, 'list')
  const good = await drill(
    { digests: digests('third, and longer') },
    { program: program('good', 'test "$(cat "$1/one")" = "third, and longer" && echo as expected') },
  )
  expect(good).toMatchObject({
    status: 'passed',
    probes: [
      { kind: 'digests', ok: true, detail: '1 file as listed' },
      { kind: 'program', ok: true, detail: 'status 0: as expected' },
    ],
  })
  const wrong = await drill(
    { digests: digests('first') },
    { program: program('wrong', 'echo lost >&2; exit 3') },
  )
  expect(wrong).toMatchObject({
    status: 'failed',
    findingCount: 2,
    probes: [{ ok: false }, { ok: false, detail: 'status 3: lost' }],
  })
})

test('a program sees the restored directory alone, and cannot change it', async () => {
  const canary = join(programs, 'canary')
  const result = await drill(
    {},
    {
      program: program(
        'nosy',
        `ls ${programs} | tr '\\n' ' '; cat ${canary} 2>&1; : > "$1/new"; env | grep AWS`,
      ),
    },
  )
  expect(result.probes[0]!.ok).toBe(false)
  expect(existsSync(join(programs, 'canary'))).toBe(false)
})

test('a program that is not there has failed', async () => {
  expect(await drill({}, { program: '/nowhere/probe' })).toMatchObject({
    status: 'failed',
    probes: [{ kind: 'program', ok: false, detail: expect.stringContaining('ENOENT') as string }],
  })
})

test('a drill whose time ends has failed, and leaves nothing', async () => {
  const limit = new AbortController()
  const result = await drill(
    { limit: limit.signal, onPhase: (phase) => void (phase === 'probe' && limit.abort(new Error('over'))) },
    { program: program('slow', 'sleep 600') },
  )
  expect(result).toMatchObject({
    status: 'failed',
    findings: [{ detail: 'the drill did not end within its time limit' }],
  })
  expect(readdirSync(scratch)).toEqual([])
})

test('a program that hangs has failed at its deadline, with what it started, and nothing is left', async () => {
  // It ignores SIGTERM, and its child holds the output open.
  const hanging = program('hanging', 'trap "" TERM; sleep 600.25 & while :; do sleep 600.25; done')
  const outcome = drill({}, { program: hanging, maxProbeTimeMs: 2000 })
  await vi.waitUntil(() => isRunning('sleep\u0000600.25'), { timeout: 20_000, interval: 20 })
  const result = await outcome
  expect(result).toMatchObject({
    status: 'failed',
    restored: { files: 1 },
    probes: [{ kind: 'program', ok: false, detail: 'it did not end in time' }],
    findings: [{ subject: `program: ${hanging}`, detail: 'it did not end in time' }],
  })
  expect(result.phases.map(({ name }) => name)).toContain('remove')
  expect(readdirSync(scratch)).toEqual([])
  await vi.waitUntil(() => !isRunning('sleep\u0000600.25'), { timeout: 10_000, interval: 50 })
})

/** Also in namespaces of its own: this namespace sees the processes of those below it. */
function isRunning(command: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((process) => {
      try {
        return readFileSync(`/proc/${process}/cmdline`, 'utf8').includes(command)
      } catch {
        return false
      }
    })
}

test('an interruption ends it, and leaves nothing', async () => {
  const interruption = new AbortController()
  const interrupted = drill({
    signal: interruption.signal,
    onPhase: (phase) => void (phase === 'read' && interruption.abort(new Error('SIGTERM'))),
  })
  await expect(interrupted).rejects.toThrow('SIGTERM')
  expect(readdirSync(scratch)).toEqual([])
})

test('lost packs have failed, and name what they cost', async () => {
  const { store } = source
  const { versions } = store
  store.versions = versions.filter(({ key }) => !key.includes('/packs/'))
  const result = await drill().finally(() => (store.versions = versions))
  expect(result.status).toBe('failed')
  expect(readdirSync(scratch)).toEqual([])
})

test('a scratch that is not there could not tell', async () => {
  expect(await drill({ scratch: join(scratch, 'none') })).toMatchObject({
    status: 'unknown',
    findings: [{ status: 'unknown', detail: expect.stringContaining('target: ') as string }],
  })
})

test('where namespaces can not be made nothing is restored, and the refusal comes back', async () => {
  const { clock, random } = source
  const { result, refusal } = await runDrill({
    ...{ clock, random, scratch, source: 'files', choice: 'newest', seed: 'x', digests: null },
    store: checkedStore(source.store),
    objectives: { ...defaultDrill, program: program('any', 'exit 0') },
    guaranteedDays: 30,
    maxAgeMs: 2 * hourMs,
    trustedKeys: undefined,
    signal: neverAborted,
    limit: neverAborted,
    endsMs: Date.now() + hourMs,
    isolation: new Namespaces('/nowhere/bwrap'),
  })
  expect(refusal).toMatchObject({ code: 'not-isolated' })
  expect(result).toMatchObject({ status: 'unknown', restored: null })
  expect(result.phases.map(({ name }) => name)).toEqual(['choose'])
})
