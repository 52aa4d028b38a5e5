// `holdfast custodian`: shows which locks it extends and which versions it prunes; does so with --apply.
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { defaultGraceDays } from '../../checks/custodian/custody-plan.ts'
import type { CustodyPlan, CustodyRules } from '../../checks/custodian/custody-plan.ts'
import type { DeedResult } from '../../checks/custodian/deed.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { Renewal } from '../../core/snapshot/retention.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { Invocation } from '../invocation.ts'
import { withCustody } from '../open-vault.ts'
import { notaryKeyOption, renewalOption, repeatable, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { custodyRecord, renderCustody, renderDeed, sourceRecord } from '../render/custody-report.ts'
import { countOf } from '../render/figures.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface CustodianFlags extends VaultFlags {
  apply?: boolean
  promiseDays?: number
  renewal: Renewal
  graceDays: number
  maxPrunes: number
  maxPruneShare: number
  retired: string[]
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Extend the locks that live snapshots need, and prune versions that no snapshot needs.')
    .option('--apply', 'do what the plan says; without it, only show the plan')
    .addOption(sourceOption('only this source (default: every source, and the reports)'))
    .addOption(
      new Option('--promise-days <n>', "guaranteed retention of each snapshot (default: the configuration's)")
        .env('HOLDFAST_PROMISE_DAYS')
        .argParser(wholeNumber),
    )
    .addOption(renewalOption())
    .addOption(notaryKeyOption())
    .addOption(
      new Option('--grace-days <n>', 'keep a version so many days after its lock has ended')
        .argParser(wholeNumber)
        .default(defaultGraceDays),
    )
    .addOption(
      new Option('--max-prunes <n>', 'prune no more versions in one run')
        .argParser(wholeNumber)
        .default(100_000),
    )
    .addOption(
      new Option('--max-prune-share <percent>', 'prune nothing of a source beyond this share of its bytes')
        .argParser(percentage)
        .default(60),
    )
    .addOption(
      repeatable(
        new Option(
          '--retired <source>',
          'let the last good snapshot of this source run out; can be repeated',
        ),
        'none',
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast custodian --config vault.json
  holdfast custodian --config vault.json --apply
  holdfast custodian --config vault.json --source old-shop --retired old-shop

Ends with 3 if it prunes nothing of a source because something is in doubt.
`,
    )
    .action(() => keepVault(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `InvalidArgumentError` unless it is 1 to 100. */
function percentage(text: string): number {
  const percent = wholeNumber(text)
  if (percent < 1 || percent > 100) throw new InvalidArgumentError('It is not from 1 to 100.')
  return percent
}

/** @throws `incomplete` after the report, if something needs a human. */
async function keepVault(flags: CustodianFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  for (const source of [...flags.retired, ...(flags.source === undefined ? [] : [flags.source])])
    assertSourceName(source)
  const address = await resolveVault(flags, {
    command: 'custodian',
    roleOf: ({ roles }) => roles.custodian,
  })
  const rules = rulesOf(flags, address.promiseDays)
  const { planCustody } = await import('../../checks/custodian/plan-custody.ts')
  const { applyPlan } = await import('../../checks/custodian/deed.ts')
  await withCustody(
    address,
    invocation.signal,
    async (vault) => {
      const { store, signal } = vault
      const progress = output.progress()
      const plan = await planCustody({
        store,
        rules,
        keys: address.trustedKeys ?? null,
        ...(flags.source === undefined ? {} : { sources: [flags.source] }),
        signal,
        onProgress: (name) => progress.update(`looking at ${name}`, {}),
      }).finally(progress.stop)
      for (const source of plan.sources) output.record('custody-plan', sourceRecord(source))
      output.text(renderCustody(plan, store.name))
      let deed: DeedResult | null = null
      if (flags.apply === true) {
        const doing = output.progress()
        deed = await applyPlan(plan, {
          ...vault,
          onProgress: ({ extended, pruned }) =>
            doing.update(`${countOf(extended, 'lock')} extended, ${countOf(pruned, 'version')} pruned`, {
              extended,
              pruned,
            }),
        }).finally(doing.stop)
      }
      output.record('custodian', {
        ...custodyRecord(plan, deed),
        vault: store.name,
        requests: store.requests,
      })
      output.text(renderDeed(deed))
      assertNoProblem(plan)
    },
    output,
  )
}

/** @throws `invalid-input` without a guaranteed retention: a wrong one would let snapshots run out. */
function rulesOf(flags: CustodianFlags, configuredDays: number | undefined): CustodyRules {
  const promiseDays = flags.promiseDays ?? configuredDays
  if (promiseDays === undefined || promiseDays < 1)
    throw new HoldfastError(
      'invalid-input',
      'no guaranteed retention given: pass --promise-days or --config',
      {
        hint: 'pass the days that the writers of this vault guarantee, e.g. `--promise-days 30`',
      },
    )
  return {
    promiseDays,
    renewal: flags.renewal,
    graceDays: flags.graceDays,
    maxPrunes: flags.maxPrunes,
    maxPruneShare: flags.maxPruneShare / 100,
    retiredSources: new Set(flags.retired),
  }
}

function assertNoProblem({ sources }: CustodyPlan): void {
  const names = sources.filter(({ problems }) => problems.length > 0).map(({ name }) => name)
  if (names.length === 0) return
  throw new HoldfastError(
    'incomplete',
    `the custodian could not do all of its work: see ${names.join(', ')}`,
    {
      hint: 'the plan names the reasons; locks were extended all the same with --apply',
      context: { sources: names },
    },
  )
}
