// The retirement of a vault, as text and as a record: its state, and the next steps by hand.
import type { Retirement, RetirementStep } from '../../engine/retirement.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, durationText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export function retirementRecord(retirement: Retirement, vault: string): Record<string, unknown> {
  const { nowMs, lastWrittenMs, lastLockEndsMs, emptyableFromMs, sources, ...figures } = retirement
  const time = (timeMs: number | null): string | null => (timeMs === null ? null : timeText(timeMs))
  return {
    ...figures,
    vault,
    asOf: timeText(nowMs),
    lastWritten: time(lastWrittenMs),
    lastLockEnds: time(lastLockEndsMs),
    emptyableFrom: timeText(emptyableFromMs),
    sources: sources.map((source) => ({
      name: source.name,
      versions: source.versions,
      bytes: source.bytes,
      lockedVersions: source.lockedVersions,
      lastWritten: timeText(source.lastWrittenMs),
      lastLockEnds: time(source.lastLockEndsMs),
    })),
  }
}

export function renderRetirement(retirement: Retirement, vault: string): string {
  const { step, nowMs, sources, versions, bytes, lockedVersions, lastLockEndsMs } = retirement
  const lines = sources.map(
    ({ name, versions: count, lastWrittenMs, lastLockEndsMs: endsMs }) =>
      `  ${terminalText(name)}: ${countOf(count, 'version')}, last written ${timeText(lastWrittenMs)}, ${endsMs === null ? 'not locked' : `locked until ${timeText(endsMs)}`}\n`,
  )
  const waitText =
    lastLockEndsMs === null
      ? 'done: no version is locked'
      : `until ${timeText(lastLockEndsMs)} (${durationText(lastLockEndsMs - nowMs)} from now), if no version is written and no lock extended`
  const order: RetirementStep[] = ['stop-writers', 'wait', 'unprotect']
  const mark = (target: RetirementStep): string =>
    target === step ? '>' : order.indexOf(target) < order.indexOf(step) ? 'x' : ' '
  return `${terminalText(vault)}: ${countOf(versions, 'version')}, ${bytesText(bytes)}, ${lockedVersions} locked.\n${lines.join('')}
${mark('stop-writers')} 1. Stop the writers, and give up the sources.
     Remove the timers from the hosts. Remove the sources from \`holdfast:sources\`, and run \`pulumi up\` in the vault's stack.
     Run \`holdfast custodian\` with \`--retired SOURCE\` for each source, because it extends locks when production goes silent.
${mark('wait')} 2. Wait until the last lock ends: ${waitText}.
     In COMPLIANCE no principal can shorten a lock, and you pay for the storage until then.
     Don't close the account to avoid the wait: you can't undo that.
${mark('unprotect')} 3. Unprotect and remove, by hand and with a second person.
     Thaw the vault in the organization's stack. Run \`pulumi state unprotect URN\` for the bucket in the vault's stack (\`pulumi stack -u\` lists URNs).
     \`pulumi destroy\` alone does not delete the bucket, because the program sets \`protect\` and \`retainOnDelete\`.
     Delete every version and delete marker (\`aws s3api delete-objects\`), then the bucket, as the vault account's administrator.
     Until then you can restore everything in it. Keep the report of the last restore.

This command only reads, and never deletes anything.
`
}
