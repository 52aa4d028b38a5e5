// How long the newest good snapshot stays locked. While backups run, a newer one takes its place long before.
import { isHoldfastError } from '../../core/errors.ts'
import { durationText } from '../../core/duration-text.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { timeText } from '../../core/time-text.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'
import type { ObjectRecord } from '../source-state.ts'
import type { SourceView } from '../source-view.ts'

export const expiry: Check = {
  id: 'expiry',
  question: 'Does the newest good snapshot stay locked for longer than a generation?',
  severity: 'critical',
  evidence: 'The end of the first lock among the objects of the newest good snapshot.',
  remedy:
    'Get a good backup now: it has new locks. If the source is silent for good, extend the locks of its last good snapshot before they end.',
  async run({ source, objectives: { generationDays }, view }) {
    const findings = new FindingList()
    const nowMs = await view.nowMs()
    const good = await view.newestGood()
    if (good === null) {
      findings.failed(source, 'no good snapshot is in the vault')
      return findings.outcome(`${source} has no good snapshot that a lock could hold`)
    }
    const endMs = await firstLockEnd(view, nowMs + generationDays * dayMs)
    const leftMs = endMs - nowMs
    const summary = `the newest good snapshot of ${source}, ${good.ref.id}, is locked until ${timeText(endMs)}`
    if (leftMs <= 0)
      findings.failed(
        good.ref.id,
        `its first lock ended on ${timeText(endMs)}, and there is no newer good snapshot`,
      )
    else if (leftMs <= generationDays * dayMs)
      findings.failed(
        good.ref.id,
        `its first lock ends in ${durationText(leftMs)}, and there is no newer good snapshot`,
      )
    return findings.outcome(summary)
  },
}

/**
 * A COMPLIANCE lock never gets shorter, so that the end which an earlier run saw still holds. The custodian may have
 * extended it since: so no object makes the check red before its lock was looked at again.
 */
async function firstLockEnd(view: SourceView, redUntilMs: number): Promise<number> {
  const fromMs = await view.guaranteeOfNewestGood()
  const objects = (await view.liveObjects()).filter(({ neededUntilMs }) => neededUntilMs >= fromMs)
  let endMs = Infinity
  await view.forEachObject(objects, async (object) => {
    const seenMs = object.lockedUntilMs
    if (seenMs !== null && seenMs > redUntilMs) endMs = Math.min(endMs, seenMs)
    else {
      const objectEndMs = await lockEndOf(view, object)
      if (seenMs !== null && Number.isFinite(objectEndMs)) object.lockedUntilMs = objectEndMs
      endMs = Math.min(endMs, objectEndMs)
    }
  })
  return endMs === Infinity ? 0 : endMs
}

/** An object that is missing has no lock to end: the check of the integrity reports it. */
async function lockEndOf(view: SourceView, object: ObjectRecord): Promise<number> {
  try {
    const { lock } = await view.look(object)
    return lock === undefined ? Infinity : (lock?.untilMs ?? 0)
  } catch (error) {
    if (!isHoldfastError(error, 'not-found')) throw error
    return Infinity
  }
}
