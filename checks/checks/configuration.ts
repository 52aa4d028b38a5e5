// The configuration of the vault, compared with the one that the program declared.
import { countOf } from '../../core/count-text.ts'
import { HoldfastError } from '../../core/errors.ts'
import { readInOrder } from '../../core/ordered-reads.ts'
import type { ConfigurationPart, PartKind } from '../configuration/configuration-parts.ts'
import { differencesOf } from '../configuration/document-difference.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'

/** The services limit the rate, and a region has dozens of rules. */
const maxReadsAtOnce = 8

export const configuration: Check = {
  id: 'configuration',
  question: 'Are the bucket, the roles and the alarms of the vault as the program declared them?',
  severity: 'critical',
  evidence:
    'Each setting, role, alarm, rule, schedule and subscription that differs, with the value that is there and the declared one.',
  remedy:
    'Find the call in the audit trail. Undo it with `pulumi up --refresh` in the stack of the vault layer. If a deployment has changed the program since, take the newer `expected.json` of the toolkit.',
  async run({ source, configuration: parts }) {
    const findings = new FindingList()
    const relevant = (parts ?? []).filter((part) => part.source === null || part.source === source)
    const compare = async (part: ConfigurationPart): Promise<() => void> => {
      try {
        const differences = differencesOf(part.expected, await part.read())
        return () => {
          for (const difference of differences) findings.failed(part.name, difference)
        }
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error
        if (error.code === 'not-found') return () => findings.failed(part.name, 'it is gone')
        return () => findings.unknown(part.name, `${error.code}: ${error.message}`)
      }
    }
    for await (const report of readInOrder(relevant, () => maxReadsAtOnce, compare)) report()
    const count = (kind: PartKind) => relevant.filter((part) => part.kind === kind).length
    const counts = [
      `${countOf(count('setting'), 'setting')} of the bucket`,
      countOf(count('role'), 'role'),
      `${countOf(count('resource'), 'resource')} of its alarms`,
    ]
    return findings.outcome(
      `${counts[0]}, ${counts[1]} and ${counts[2]} were compared, with ${countOf(findings.length, 'difference')}`,
    )
  },
}
