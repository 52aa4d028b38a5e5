import { expect, test } from 'vitest'
import { runProbe } from '../../../checks/drill/probes.ts'
import { setTimeout as sleep } from 'node:timers/promises'

const subject = { kind: 'query', name: 'SELECT\ttrue' } as const
const clock = { nowMs: () => 5 }
const signal = new AbortController().signal

test('a verdict has a printable name and detail, because restored data chose some of it', async () => {
  expect(
    await runProbe(subject, { signal, clock, maxMs: 60_000 }, () =>
      Promise.resolve({ ok: true, detail: 'a\u001b[2J' }),
    ),
  ).toEqual({ kind: 'query', name: 'SELECT true', ok: true, durationMs: 0, detail: 'a [2J' })
})

test('a probe that hangs has failed when its time is over', async () => {
  const hanging = (limit: AbortSignal) => sleep(3_600_000, { ok: true, detail: '' }, { signal: limit })
  expect(await runProbe(subject, { signal, clock, maxMs: 5 }, hanging)).toMatchObject({
    ok: false,
    detail: 'it did not end in time',
  })
})

test('a probe that can not run has failed, and an interruption is passed on', async () => {
  const failing = () => Promise.reject(new Error('no such database'))
  expect(await runProbe(subject, { signal, clock, maxMs: 60_000 }, failing)).toMatchObject({
    ok: false,
    detail: 'no such database',
  })
  const interrupted = AbortSignal.abort(new Error('SIGTERM'))
  await expect(runProbe(subject, { signal: interrupted, clock, maxMs: 60_000 }, failing)).rejects.toThrow(
    'SIGTERM',
  )
})
