import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { showProgress } from '../../../restore-cli/render/progress.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
})

function watch(isTTY = false): { stream: PassThrough & { isTTY: boolean }; shown: () => string } {
  const move = (): boolean => true
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 80,
    cursorTo: move,
    moveCursor: move,
    clearLine: move,
  })
  return { stream, shown: () => String(stream.read() ?? '') }
}

test('in a log, progress is a line every few seconds, also while nothing changes', () => {
  const { stream, shown } = watch()
  const progress = showProgress(stream, { json: false, phase: 'listing', intervalMs: 5_000 })
  vi.advanceTimersByTime(5_000)
  for (let index = 0; index < 60; index++) {
    progress.update(`step ${index}`, {})
    vi.advanceTimersByTime(100)
  }
  vi.advanceTimersByTime(9_000)
  progress.stop()
  vi.advanceTimersByTime(20_000)
  expect(shown()).toBe('listing\nstep 49\nstep 59\nstep 59\n')
})

test('a spinner paints nothing while it is paused, and goes on afterwards', () => {
  const { stream, shown } = watch(true)
  const progress = showProgress(stream, { json: false, phase: 'listing', intervalMs: 5_000 })
  vi.advanceTimersByTime(500)
  progress.pause()
  shown()
  progress.update('painted over', {})
  vi.advanceTimersByTime(2_000)
  progress.update('painted over', {})
  expect(shown()).toBe('')
  progress.resume()
  vi.advanceTimersByTime(500)
  expect(shown()).toContain('listing')
  progress.stop()
})

test('a log has no line while it is paused', () => {
  const { stream, shown } = watch()
  const progress = showProgress(stream, { json: false, phase: 'listing', intervalMs: 5_000 })
  progress.pause()
  vi.advanceTimersByTime(20_000)
  expect(shown()).toBe('')
  progress.resume()
  vi.advanceTimersByTime(5_000)
  progress.stop()
  expect(shown()).toBe('listing\n')
})

test('with --json, it is a record', () => {
  const { stream, shown } = watch()
  const progress = showProgress(stream, { json: true, phase: 'listing', intervalMs: 5_000 })
  vi.advanceTimersByTime(5_000)
  progress.update('words', { files: 7 })
  vi.advanceTimersByTime(5_000)
  progress.stop()
  expect(shown()).toBe('{"type":"progress","phase":"listing"}\n{"type":"progress","files":7}\n')
})

test('without a phase, nothing is shown before the first figures', () => {
  const { stream, shown } = watch()
  const progress = showProgress(stream, { json: false, intervalMs: 5_000 })
  vi.advanceTimersByTime(10_000)
  progress.stop()
  expect(shown()).toBe('')
})

test.each([true, false])('with an interval of 0, nothing is shown (terminal: %s)', (isTTY) => {
  const { stream, shown } = watch(isTTY)
  const progress = showProgress(stream, { json: false, phase: 'listing', intervalMs: 0 })
  progress.update('7 files', {})
  vi.advanceTimersByTime(20_000)
  progress.stop()
  expect(shown()).toBe('')
})

test('on a terminal, it disappears when it is stopped', () => {
  vi.stubEnv('CI', undefined)
  vi.stubEnv('TERM', 'xterm')
  const { stream, shown } = watch(true)
  const progress = showProgress(stream, { json: false, intervalMs: 5_000 })
  vi.advanceTimersByTime(1_000)
  progress.update('7 files', {})
  progress.stop()
  progress.stop()
  // The last thing that is sent takes the line away and shows the cursor.
  const sent = shown()
  expect(sent).toContain('7 files')
  expect(sent.lastIndexOf('\u001b[?25h')).toBeGreaterThan(sent.lastIndexOf('7 files'))
})
