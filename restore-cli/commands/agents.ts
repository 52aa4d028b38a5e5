// `holdfast agents`: whether agents of production did what they never did before, from the audit trail.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { AgentResult } from '../../checks/agents/watch-agents.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { repeatable, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { countOf } from '../render/figures.ts'
import { terminalText } from '../render/terminal-text.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface AgentFlags extends VaultFlags {
  account: string[]
  inRegion: string[]
  days: number
  accept: string[]
}

const maxDays = 90

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Ask the audit trail whether agents made calls that they never made before, or met a burst of denials.',
    )
    .addOption(repeatable(new Option('--account <id...>', 'accounts whose events are read'), 'none'))
    .addOption(repeatable(new Option('--in-region <name...>', 'only events of these regions'), 'all'))
    .addOption(
      new Option('--days <n>', 'days of history before the last two').argParser(wholeNumber).default(28),
    )
    .addOption(
      repeatable(
        new Option(
          '--accept <call...>',
          'calls that are expected, e.g. rds:StartDBInstance or NAME/s3:PutObject',
        ),
        'none',
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast agents --bucket holdfast-audit-111122223333-eu-central-1 --account 444455556666 --no-assume-role
  holdfast agents --bucket … --account 444455556666 --accept deploy/rds:StartDBInstance

--bucket is the audit bucket. Reads the files of CloudTrail in it, and needs no right but to list and to read them.
Ends with 14 for a finding, and with 3 if a part of the trail can't be read.
`,
    )
    .action(() => judgeAgents(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws after the findings: `objective-missed`, `incomplete`. */
async function judgeAgents(flags: AgentFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const { minHistoryDays, watchAgents } = await import('../../checks/agents/watch-agents.ts')
  assertFlags(flags, minHistoryDays)
  const address = await resolveVault(flags, { command: 'agents', roleOf: () => undefined })
  await withVault(
    address,
    invocation.signal,
    async ({ store, clock, signal }) => {
      // The store's clock, as far as a first response has it.
      await store.listFolders('AWSLogs/')
      const result = await output.during('reading the audit trail', () =>
        watchAgents({
          store,
          accounts: flags.account,
          regions: flags.inRegion,
          historyDays: flags.days,
          accepted: new Set(flags.accept),
          nowMs: store.serverTimeMs ?? clock.nowMs(),
          signal,
        }),
      )
      const { outcome, files, events } = result
      const ok = outcome.status === 'passed'
      const requests = store.requests
      output.record('agents', { ok, ...outcome, files, events, trail: store.name, requests })
      output.text(render(result))
      assertPassed(result)
    },
    output,
  )
}

function assertFlags({ account, days }: AgentFlags, minDays: number): void {
  const unusable = account.find((id) => !/^\d{12}$/.test(id))
  if (account.length === 0 || unusable !== undefined)
    throw new HoldfastError(
      'invalid-input',
      account.length === 0
        ? 'no account given: pass --account'
        : '--account is not an account id of twelve digits',
      { hint: 'pass the id of the account in which the agents work, e.g. --account 444455556666' },
    )
  if (days < minDays || days > maxDays)
    throw new HoldfastError('invalid-input', `--days must be from ${minDays} to ${maxDays}`, {
      hint: 'pass --days 28: two weeks are learned before an agent is compared',
    })
}

function render({ outcome, files }: AgentResult): string {
  const lines = outcome.findings.map(
    ({ status, subject, detail }) =>
      `${status === 'failed' ? 'FAILED' : 'COULD NOT TELL'}: ${terminalText(subject)}: ${terminalText(detail)}\n`,
  )
  const more = outcome.findingCount - outcome.findings.length
  if (more > 0) lines.push(`… and ${countOf(more, 'more finding')}\n`)
  return `${lines.join('')}${terminalText(outcome.summary)}; ${countOf(files, 'file')} read\n`
}

function assertPassed({ outcome: { status, findingCount } }: AgentResult): void {
  const hint = 'find the events in the audit trail; a call that is expected goes to --accept'
  if (status === 'failed')
    throw new HoldfastError('objective-missed', `${countOf(findingCount, 'finding')} about agents`, { hint })
  if (status === 'unknown')
    throw new HoldfastError('incomplete', "a part of the audit trail can't be read", { hint })
}
