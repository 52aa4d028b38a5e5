import { expect, test } from 'vitest'
import { LinkSpeed } from '../../../engine/backup/link-speed.ts'

const mib = 1024 * 1024
const packBytes = 16 * mib

/** A link that a test moves on by hand. */
class Link {
  private nowMs = 0
  readonly speed = new LinkSpeed(() => this.nowMs)

  pass(seconds: number): void {
    this.nowMs += seconds * 1000
  }

  carry(bytes: number, bytesPerSecond: number): void {
    const request = this.speed.begin(bytes)
    this.pass(bytes / bytesPerSecond)
    this.speed.end(request, bytes, true)
  }
}

test('the first pack goes alone; on a fast link, the next ones go three at once', () => {
  const { speed } = new Link()
  expect(speed.uploadsAtOnce).toBe(1)
  const link = new Link()
  link.carry(packBytes, 50 * mib)
  expect(link.speed.uploadsAtOnce).toBe(3)
  expect(link.speed.maxPackBytes).toBeGreaterThan(64 * mib)
})

test('on 1 Mbit/s, packs go one by one and are small; the first one shows it before it is acknowledged', () => {
  const link = new Link()
  const request = link.speed.begin(packBytes)
  link.pass(60)
  expect(link.speed.maxPackBytes).toBeLessThan(9 * mib)
  link.pass(74)
  link.speed.end(request, packBytes, true)
  expect(link.speed.uploadsAtOnce).toBe(1)
  expect(link.speed.maxPackBytes).toBe(4 * mib)
})

test('a link that recovers, or slows down, is measured anew', () => {
  const link = new Link()
  link.carry(packBytes, 125_000)
  for (let packs = 0; packs < 40; packs++) link.carry(packBytes, 10 * mib)
  expect(link.speed.uploadsAtOnce).toBe(3)
  for (let packs = 0; packs < 6; packs++) link.carry(packBytes, 125_000)
  expect(link.speed.uploadsAtOnce).toBe(1)
})

test('small packs to a store far away show no slow link', () => {
  const link = new Link()
  for (let packs = 0; packs < 20; packs++) link.carry(10_000, 50_000)
  expect(link.speed.uploadsAtOnce).toBe(3)
  expect(link.speed.maxPackBytes).toBe(Number.POSITIVE_INFINITY)
})

test('time without an upload does not count, and a failed upload counts as time alone', () => {
  const link = new Link()
  link.carry(packBytes, 16 * mib)
  link.pass(3600)
  expect(link.speed.uploadsAtOnce).toBe(3)
  const request = link.speed.begin(packBytes)
  link.pass(60)
  link.speed.end(request, packBytes, false)
  expect(link.speed.uploadsAtOnce).toBe(1)
})

test('on connections of 20 MiB/s that threads wait for, up to six packs go at once; refused uploads make them fewer', () => {
  let nowMs = 0
  const speed = new LinkSpeed(() => nowMs)
  for (let wave = 0; wave < 12; wave++) {
    const requests = Array.from({ length: speed.uploadsAtOnce }, () => speed.begin(packBytes))
    speed.noteWaiting()
    nowMs += 850
    for (const request of requests) speed.end(request, packBytes, true)
  }
  expect(speed.uploadsAtOnce).toBe(6)
  speed.noteRefusal()
  expect(speed.uploadsAtOnce).toBe(3)
})
