import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import {
  acceptLock,
  maxCommitMs,
  currentGeneration,
  dayMs,
  lockedUntilMs,
  mayReuse,
} from '../../../core/snapshot/retention.ts'
import type { Lock } from '../../../core/snapshot/retention.ts'
import { packKey, parsePackKey } from '../../../core/store/vault-keys.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const now = Date.UTC(2026, 3, 1, 12, 30, 5, 123)
const compliance: Lock = { mode: 'COMPLIANCE', days: 40 }
const governance: Lock = { mode: 'GOVERNANCE', days: 40 }

function refusedAs(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    return isHoldfastError(error) ? error.code : 'another error'
  }
}

describe('the lock that a bucket must have', () => {
  const accept = (retention: Lock | null, promiseDays: number, allow = false): Lock | null =>
    acceptLock('it', { retention, serverTimeMs: now }, promiseDays, allow)

  test('is one that outlasts the promise', () => {
    expect(accept(compliance, 39)).toEqual(compliance)
    expect(accept(governance, 30)).toEqual(governance)
  })

  test.each([
    [null, 30],
    [compliance, 40],
    [compliance, 41],
    [{ mode: 'COMPLIANCE', days: 1 }, 1],
  ] as const)('is refused otherwise, unless allowed: %j for %i days', (lock, promiseDays) => {
    expect(refusedAs(() => accept(lock, promiseDays))).toBe('vault-unsafe')
    expect(accept(lock, promiseDays, true)).toEqual(lock)
  })
})

describe('a pack may be reused', () => {
  const reuse = (uploadedMs: number, packLock: Lock | null, lock: Lock | null, promiseDays = 30): boolean =>
    mayReuse({ uploadedMs, lock: packLock }, lock, promiseDays, now)

  test('while its lock covers the promise of a commit that takes an hour, to the millisecond', () => {
    expect(reuse(now, compliance, compliance)).toBe(true)
    expect(reuse(now - 10 * dayMs + maxCommitMs, compliance, compliance)).toBe(true)
    expect(reuse(now - 10 * dayMs + maxCommitMs - 1, compliance, compliance)).toBe(false)
  })

  test('by the lock that it was given, not by the one that is given now', () => {
    expect(reuse(now - 15 * dayMs, { mode: 'COMPLIANCE', days: 50 }, compliance)).toBe(true)
    expect(reuse(now - 5 * dayMs, { mode: 'COMPLIANCE', days: 33 }, compliance)).toBe(false)
  })

  test('not from GOVERNANCE in a vault that is COMPLIANCE, but the other way round', () => {
    expect(reuse(now, governance, compliance)).toBe(false)
    expect(reuse(now, compliance, governance)).toBe(true)
    expect(reuse(now, governance, governance)).toBe(true)
  })

  test('not without a lock in a vault that locks, and always in one that does not', () => {
    expect(reuse(now, null, compliance)).toBe(false)
    expect(reuse(now - 1000 * dayMs, null, null)).toBe(true)
    expect(reuse(now - 1000 * dayMs, compliance, null)).toBe(true)
  })

  test('only if every snapshot that names it can keep its promise', () => {
    const lock = fc.record({
      mode: fc.constantFrom('COMPLIANCE' as const, 'GOVERNANCE' as const),
      days: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(
        lock,
        lock,
        fc.integer({ min: 1, max: 100 }),
        fc.nat(120 * dayMs),
        (packLock, bucketLock, promiseDays, ageMs) => {
          const uploadedMs = now - ageMs
          if (!reuse(uploadedMs, packLock, bucketLock, promiseDays)) return
          expect(lockedUntilMs(uploadedMs, packLock)).toBeGreaterThanOrEqual(
            now + maxCommitMs + promiseDays * dayMs,
          )
        },
      ),
      { numRuns: propertyRuns },
    )
  })
})

describe('a generation', () => {
  const first = currentGeneration(null, compliance, 30, now)

  test('is named after its beginning and its lock, as a key may be', () => {
    expect(first).toEqual({ name: '20260401T123005Z-compliance-40d', startMs: now, lock: compliance })
    const names = [
      first,
      currentGeneration(null, governance, 30, now),
      currentGeneration(null, null, 30, now),
      currentGeneration(null, { mode: 'COMPLIANCE', days: 36_500 }, 30, now),
    ]
    for (const { name } of names)
      expect(
        parsePackKey(packKey('a', name, '01KN35E000B6GR48QH7ECGPZ10', 'ab'.repeat(32)))?.generation,
      ).toBe(name)
  })

  test('goes on until a commit could end after its last day', () => {
    expect(currentGeneration(first, compliance, 30, now + 10 * dayMs - maxCommitMs - 1)).toBe(first)
    expect(currentGeneration(first, compliance, 30, now + 10 * dayMs - maxCommitMs)).not.toBe(first)
    expect(currentGeneration(first, compliance, 30, now - dayMs)).toBe(first)
  })

  test('ends when the lock changes: its mode, its days, or that there is one', () => {
    for (const lock of [governance, { ...compliance, days: 41 }, null])
      expect(currentGeneration(first, lock, 30, now + 1).lock).toEqual(lock)
  })

  test('ends when the promise grows so that nothing is left of it', () => {
    expect(currentGeneration(first, compliance, 40, now + 1)).not.toBe(first)
    expect(currentGeneration(first, compliance, 35, now + 5 * dayMs)).not.toBe(first)
  })

  test('without a lock never ends', () => {
    const unlocked = currentGeneration(null, null, 30, now)
    expect(unlocked.name).toContain('unlocked')
    expect(currentGeneration(unlocked, null, 30, now + 1000 * dayMs)).toBe(unlocked)
  })
})
