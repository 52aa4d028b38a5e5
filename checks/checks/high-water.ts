// Whether the vault went back in time: a snapshot that an earlier run saw, and that its lock must still hold, is no
// longer listed. No role can delete it, so that a store, a proxy, or another bucket under the same name hides it.
import { timeText } from '../../core/time-text.ts'
import { manifestKey } from '../../core/store/vault-keys.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'
import type { CheckContext, EarlierReport } from '../check.ts'
import { versionName } from '../source-state.ts'

export const highWater: Check = {
  id: 'high-water',
  question: 'Is every snapshot that an earlier run saw still listed?',
  severity: 'critical',
  evidence:
    'The id and the time of each snapshot that is hidden, and the run or the local state that remembers it.',
  remedy:
    'Compare the address of the vault with that of the run that saw the snapshot. Then ask the store for the version by its id: if it is there, the listing hides it. `--ignore` ends the finding.',
  async run(context) {
    const { source, view, lostState, earlierReport } = context
    const findings = new FindingList()
    const nowMs = await view.nowMs()
    const { report: reported, problems } = await earlierReport()
    for (const problem of problems) findings.unknown('reports', problem)
    const expected = expectedSnapshots(context, reported, nowMs)
    const compared = expected.size
    const { snapshots } = await view.listing()
    for (const ref of snapshots) expected.delete(versionName(ref))
    for (const { id, timeMs, memory } of expected.values())
      findings.failed(
        id,
        `it is of ${timeText(timeMs)}, ${memory} saw it, and the listing of the vault has it no longer`,
      )
    if (lostState !== null && (reported?.hasState === true || isUnusable(lostState)))
      findings.unknown(
        source,
        `${lostState}: this run compared with ${reported === null ? 'nothing' : `the report ${reported.run}`}`,
      )
    return findings.outcome(
      compared === 0
        ? `this is the first run for ${source}: the next one compares with it`
        : `${compared} snapshots of ${source} that earlier runs saw are compared with the listing`,
    )
  },
}

/** A missing state is no surprise in the first run; one that can't be used is. */
function isUnusable(lostState: string): boolean {
  return !lostState.startsWith('there is no state')
}

interface ExpectedSnapshot {
  id: string
  timeMs: number
  memory: string
}

function expectedSnapshots(
  { source, view: { state }, objectives: { ignored } }: CheckContext,
  reported: EarlierReport | null,
  nowMs: number,
): Map<string, ExpectedSnapshot> {
  const expected = new Map<string, ExpectedSnapshot>()
  const add = (
    { id, versionId, timeMs }: { id: string; versionId: string; timeMs: number },
    memory: string,
  ): void => {
    if (!ignored.has(id))
      expected.set(versionName({ key: manifestKey(source, id), versionId }), { id, timeMs, memory })
  }
  if (reported?.mark) add(reported.mark, `the run ${reported.run}`)
  for (const record of state.manifests.values())
    if ((record.manifest?.guaranteedUntilMs ?? 0) > nowMs) add(record, 'an earlier run on this machine')
  if (state.mark !== null) add(state.mark, 'an earlier run on this machine')
  return expected
}
