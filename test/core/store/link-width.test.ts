import { expect, test } from 'vitest'
import { LinkWidth } from '../../../core/store/link-width.ts'
import type { LinkOutcome } from '../../../core/store/link-width.ts'

const mib = 1024 * 1024

interface SimulatedLink {
  readonly delayMs: number
  readonly bytesPerMsOfConnection: number
  /** All connections share it. */
  readonly bytesPerMs: number
}

const far = { delayMs: 50, bytesPerMsOfConnection: (20 * mib) / 1000, bytesPerMs: Number.POSITIVE_INFINITY }
const loopback = { delayMs: 0, bytesPerMsOfConnection: (300 * mib) / 1000, bytesPerMs: (300 * mib) / 1000 }

/** Requests that fill the width of a link, in steps of a millisecond. */
class Transfer {
  nowMs = 0
  link: SimulatedLink
  readonly width: LinkWidth
  /** The outcome of requests that end. */
  outcome: LinkOutcome = 'arrived'
  hasMore = true
  maxWidth = 0
  private running: { request: ReturnType<LinkWidth['begin']>; delayMs: number; bytes: number }[] = []

  constructor(link: SimulatedLink, max = 6, start = 3) {
    this.link = link
    this.width = new LinkWidth({ start, max }, () => this.nowMs)
  }

  run(seconds: number): number {
    let arrivedBytes = 0
    for (const endMs = this.nowMs + seconds * 1000; this.nowMs < endMs; this.nowMs++) {
      while (this.running.length < this.width.width) {
        this.running.push({ request: this.width.begin(), delayMs: this.link.delayMs, bytes: 16 * mib })
        if (this.hasMore) this.width.noteWaiting()
      }
      const { bytesPerMsOfConnection, bytesPerMs } = this.link
      const share = Math.min(bytesPerMsOfConnection, bytesPerMs / this.running.length)
      for (const transfer of this.running) {
        if (transfer.delayMs > 0) transfer.delayMs--
        else transfer.bytes -= share
      }
      const ended = this.running.filter(({ bytes }) => bytes <= 0)
      this.running = this.running.filter(({ bytes }) => bytes > 0)
      for (const { request } of ended) {
        this.width.end(request, 16 * mib, this.outcome)
        if (this.outcome === 'arrived') arrivedBytes += 16 * mib
      }
      this.maxWidth = Math.max(this.maxWidth, this.width.width)
    }
    return arrivedBytes
  }
}

test('on connections of 20 MiB/s, 25 ms away, the width grows to its limit within seconds', () => {
  const transfer = new Transfer(far)
  transfer.run(5)
  expect(transfer.width.width).toBe(6)
  // The best for six connections: 113 MiB/s.
  expect(transfer.run(20)).toBeGreaterThan(20 * 105 * mib)
})

test('a limit of the whole link ends the growth near it', () => {
  const transfer = new Transfer({ ...far, bytesPerMs: (82 * mib) / 1000 }, 24)
  transfer.run(20)
  expect(transfer.width.width).toBeGreaterThanOrEqual(4)
  expect(transfer.maxWidth).toBeLessThanOrEqual(9)
})

test('on loopback it stays as it begins, because requests end soon', () => {
  const transfer = new Transfer(loopback)
  transfer.run(60)
  expect(transfer.maxWidth).toBe(3)
})

test('a busy loopback gains nothing by a wider one, and goes back', () => {
  const transfer = new Transfer({ ...loopback, bytesPerMs: (100 * mib) / 1000 })
  transfer.run(10)
  expect(transfer.width.width).toBe(3)
})

test("a link of 1 Mbit/s isn't widened", () => {
  const transfer = new Transfer({ delayMs: 25, bytesPerMsOfConnection: 125, bytesPerMs: 125 })
  transfer.run(3600)
  expect(transfer.maxWidth).toBe(3)
})

test('a width that nothing waits for does not grow', () => {
  const transfer = new Transfer(far)
  transfer.hasMore = false
  transfer.run(30)
  expect(transfer.maxWidth).toBe(3)
})

test('a store that refuses requests halves it, once for a burst; later it grows again', () => {
  const transfer = new Transfer(far)
  transfer.run(10)
  expect(transfer.width.width).toBe(6)
  transfer.outcome = 'slowed'
  transfer.run(1.5)
  expect(transfer.width.width).toBe(3)
  transfer.run(60)
  expect(transfer.width.width).toBe(1)
  transfer.outcome = 'arrived'
  transfer.run(30)
  expect(transfer.width.width).toBe(6)
})

test('a refusal that the caller repeats by itself shrinks it too', () => {
  const transfer = new Transfer(far)
  transfer.run(10)
  transfer.width.slowDown()
  transfer.width.slowDown()
  expect(transfer.width.width).toBe(3)
})

test('a link that widens later is found after a pause', () => {
  const transfer = new Transfer({ ...far, bytesPerMs: (60 * mib) / 1000 })
  transfer.run(10)
  expect(transfer.width.width).toBe(3)
  transfer.link = far
  transfer.run(60)
  expect(transfer.width.width).toBe(6)
})
