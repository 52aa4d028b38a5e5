// A vault's retirement: where it stands, and what is to be done next, by hand.
import type { Retirement, RetirementStep } from '../retirement.ts'
import { bytesText, countOf, durationText, timeText } from './figures.ts'
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
      ? 'done: no lock is left'
      : `until ${timeText(lastLockEndsMs)} (${durationText(lastLockEndsMs - nowMs)} from now), if nothing is written or extended`
  const order: RetirementStep[] = ['stop-writers', 'wait', 'unprotect']
  const mark = (each: RetirementStep): string =>
    each === step ? '>' : order.indexOf(each) < order.indexOf(step) ? 'x' : ' '
  return `${terminalText(vault)}: ${countOf(versions, 'version')}, ${bytesText(bytes)}, ${lockedVersions} locked.\n${lines.join('')}
${mark('stop-writers')} 1. Stop the writers, and whatever keeps locks alive.
     Take the timers off the hosts; take the sources out of \`holdfast:sources\` and run \`pulumi up\` in the vault's stack;
     stop the custodian, which extends locks when production goes silent.
${mark('wait')} 2. Wait until the last lock ends: ${waitText}.
     In COMPLIANCE nobody can shorten it, and the bucket costs what it holds until then.
     Closing the account is no way around it that you can take back.
${mark('unprotect')} 3. Unprotect and remove, by hand and with a second person.
     In the organization's stack, thaw the vault; in the vault's, \`pulumi state unprotect URN\` for the bucket (\`pulumi stack -u\` lists URNs).
     \`protect\` and \`retainOnDelete\` are in the program, so that \`pulumi destroy\` alone leaves the bucket where it is.
     Delete every version and delete marker (\`aws s3api delete-objects\`), then the bucket, as the vault account's administrator.
     Until then everything in it can be restored. Keep the last restore's report.

This command reads, and never deletes anything.
`
}
