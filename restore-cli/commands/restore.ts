// `holdfast restore`, also installed as `restore`: shows the plan, restores, and reports what was restored and what
// is missing.
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { PathSelection } from '../../core/tree/path-selection.ts'
import type { RestorePart, RestorePlan, RestoreProgress, RestoreResult } from '../../engine/operations.ts'
import { assertMayRestore, assertWhole } from '../incomplete-snapshot.ts'
import type { IncompleteFlags } from '../incomplete-snapshot.ts'
import type { PlannedRecovery, RecoveryFlags } from '../cluster-restore.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import type { OpenSession } from '../open-vault.ts'
import { notaryKeyOption, pointInTimeOption, snapshotOption, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import { bytesText, countOf, countText, durationText } from '../render/figures.ts'
import type { Progress } from '../render/progress.ts'
import { timeLeftMs } from '../render/restore-time.ts'
import { planRecord, renderPlan, renderRestored, restoredRecord } from '../render/restore-report.ts'
import type { RestoreSubject } from '../render/restore-report.ts'
import { assertNamesSnapshot, parseShard, shardOption } from '../shard-flag.ts'
import { parseSelection } from '../tree-path.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface RestoreFlags extends VaultFlags, IncompleteFlags, RecoveryFlags {
  allowUnattested?: boolean
  target: string
  specialBits?: boolean
  dryRun?: boolean
  shard?: string
  finish?: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  const name = invocation.bin === 'restore' ? 'restore' : 'holdfast restore'
  command
    .description('Restore the state of a source at a point in time, into a new or empty directory.')
    .argument(
      '[paths...]',
      "only these, below the source's root: paths, or quoted patterns of .gitignore; \\xNN stands for a byte (default: everything)",
    )
    .addOption(pointInTimeOption())
    .addOption(sourceOption("the source to restore (default: the vault's only source)"))
    .addOption(snapshotOption())
    .addOption(
      new Option(
        '--target <dir>',
        'the directory to restore into: new, empty, or left by an interrupted restore',
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option('--complete-only', 'the newest snapshot that lacks nothing, although a newer one exists')
        .conflicts('snapshot')
        .conflicts('allowIncomplete'),
    )
    .option('--allow-incomplete', 'restore an incomplete snapshot without what it lacks')
    .addOption(notaryKeyOption())
    .option('--allow-unattested', 'the newest state, although the notary has attested an older one')
    .option('--special-bits', 'restore setuid, setgid and sticky bits too')
    .option('--dry-run', 'show the plan, write nothing')
    .addOption(shardOption('restore only the content of'))
    .option(
      '--finish',
      'after all shards: make links, set directories, publish; with --shard: the shard has a target of its own',
    )
    .addHelpText(
      'after',
      `
Examples:
  ${name} --point-in-time 2026-04-24T10:15:00Z --target /restore --bucket my-vault
  ${name} --target /restore --bucket my-vault --source rental-db uploads/2026 config.json
  ${name} --target /restore --bucket my-vault --source rental-db 'uploads/*.pdf'
  ${name} --target /restore --bucket my-vault --dry-run
  ${name} --target /shared --bucket my-vault --snapshot 01KR5PJ0ZBFTW9W5W4FKB1NGJZ --shard 3/8
  ${name} --target /shared --bucket my-vault --snapshot 01KR5PJ0ZBFTW9W5W4FKB1NGJZ --finish

Restores the newest state at or before the point in time, and reports how much time is missing up to it.
With the keys of the notary, a snapshot that it attests goes before a newer one without its receipt.
If that snapshot is incomplete, nothing is restored until you choose --allow-incomplete, --complete-only or --snapshot.
Ends with 3 if the restored snapshot lacks something that you asked for, 4 if the vault has lost or damaged it.
After an interruption, run the same command again to go on.
`,
    )
    .action((paths: string[]) => restore(paths, command.opts(), invocation))
  addRecoveryOptions(command)
  addVaultOptions(command)
}

function addRecoveryOptions(command: Command): void {
  command
    .optionsGroup('A cluster with its WAL in the vault:')
    .addOption(
      new Option(
        '--lsn <position>',
        'recover up to this position in the WAL, e.g. 1A/3000060, instead of a time',
      ).conflicts('pointInTime'),
    )
    .addOption(
      new Option('--xid <id>', 'recover up to the end of this transaction (pg_current_xact_id)').conflicts([
        'pointInTime',
        'lsn',
      ]),
    )
    .addOption(
      new Option('--name <name>', 'recover up to this restore point (pg_create_restore_point)').conflicts([
        'pointInTime',
        'lsn',
        'xid',
      ]),
    )
    .addOption(
      new Option(
        '--timeline <n>',
        'follow this timeline (default: the one that reaches the target)',
      ).argParser(wholeNumber),
    )
    .option(
      '--start',
      'recover now: PostgreSQL replays the WAL, apart from this machine, and every row is read (with --postgres-bin)',
    )
    .addOption(
      new Option(
        '--postgres-bin <dir>',
        "the directory of `postgres`; `{major}` stands for the cluster's major version",
      ),
    )
}

/** @throws `damaged` or `incomplete` after it restored and reported everything else. */
async function restore(
  pathTexts: readonly string[],
  flags: RestoreFlags,
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const part = partOf(flags, invocation.environment)
  const address = await resolveVault(flags, {
    command: 'restore',
    roleOf: ({ roles }) => roles.restorer,
  })
  const { paths, patterns } = parseSelection(pathTexts)
  const selection = new PathSelection(paths, patterns)
  const request: IncompleteFlags = {
    ...flags,
    trustedKeys: address.trustedKeys,
    prefer: flags.allowUnattested === true ? 'unflagged' : 'attested',
  }
  const target = resolve(flags.target)
  assertStartFlags(flags)
  const { planRecovery } = await import('../cluster-restore.ts')
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  const { largerBefore, loadBefore } = await import('../../core/snapshot/shrinkage.ts')
  const { findLineageBreaks } = await import('../../core/snapshot/lineage.ts')
  await withVault(
    address,
    invocation.signal,
    async (vault) => {
      const recovery = await output.during('looking for WAL', () =>
        planRecovery(vault, { request, flags, isWhole: selection.isAll }),
      )
      if (recovery !== null && part !== undefined) throw clusterInShards()
      const choice = await output.during('listing the snapshots', () =>
        chooseSnapshot(vault.store, snapshotRequest(request, recovery), vault.clock, vault.signal),
      )
      await assertMayRestore(vault, { choice, selection }, request)
      const before = await loadBefore(vault.store, choice)
      const subject = {
        choice,
        largerBefore: largerBefore(choice, before),
        breaks: findLineageBreaks(choice.snapshot, before),
        selection,
        target,
        part,
        vault: vault.store.name,
        factorEndsInMs: vault.factorEndsInMs(),
      }
      await carryOut({ vault, subject, recovery, flags, output })
    },
    output,
  )
}

function showRestore(
  progress: Progress,
  plan: RestorePlan,
  figures: RestoreProgress,
  elapsedMs: number,
): void {
  const bytes = figures.bytesResumed + figures.bytesWritten
  const leftMs = timeLeftMs({ bytesDone: figures.bytesWritten, bytesLeft: plan.bytes - bytes, elapsedMs })
  progress.update(
    `${countText(figures.files)} of ${countOf(plan.files, 'file')}, ${bytesText(bytes)} of ${bytesText(plan.bytes)}${leftMs === null ? '' : `, about ${durationText(leftMs)} left`}`,
    {
      ...figures,
      filesTotal: plan.files,
      bytesTotal: plan.bytes,
      ...(leftMs === null ? {} : { remainingMs: leftMs }),
    },
  )
}

interface Deed {
  vault: OpenSession
  subject: RestoreSubject
  recovery: PlannedRecovery | null
  flags: RestoreFlags
  output: Output
}

/** Shows the plan, and does what it says. */
async function carryOut({ vault, subject, recovery, flags, output }: Deed): Promise<void> {
  const { target, selection, choice } = subject
  const { prepareRestore } = await import('../../engine/restore/restore.ts')
  const { recover } = await import('../cluster-restore.ts')
  const specialBits = flags.specialBits ?? false
  const { plan, run } = await output.during('reading the list of files', () =>
    prepareRestore({
      ...vault,
      snapshot: choice.snapshot,
      target,
      paths: [...selection.paths],
      patterns: selection.patternTexts,
      specialBits,
      part: subject.part,
    }),
  )
  output.record('plan', planRecord(plan, subject))
  output.text(renderPlan(plan, subject))
  if (recovery !== null) {
    const { recoveryPlanRecord, renderRecoveryPlan, renderWalDoubts } =
      await import('../render/recovery-report.ts')
    output.record('recovery-plan', { ...recoveryPlanRecord(recovery.choice), flags: recovery.doubts })
    output.text(renderWalDoubts(recovery.doubts) + renderRecoveryPlan(recovery.choice))
  }
  if (flags.dryRun === true) {
    output.text('Dry run: nothing was written.\n')
    return assertWhole(plan, choice.snapshot.id)
  }
  const progress = output.progress()
  const startedMs = vault.clock.nowMs()
  try {
    const result = await run((figures) =>
      showRestore(progress, plan, figures, vault.clock.nowMs() - startedMs),
    )
    progress.stop()
    output.record('restore', { ...restoredRecord(result, subject), requests: vault.store.requests })
    output.text(renderRestored(result, subject))
    assertUndamaged(result, choice.snapshot.id)
    // The end reports gaps of the snapshot: each shard has all that is its own.
    if (subject.part?.kind !== 'shard') assertWhole(plan, choice.snapshot.id)
  } finally {
    progress.stop()
  }
  if (recovery !== null) await recover(recovery, vault, { target, flags, output })
}

/** @throws `invalid-input` for a shard that is none, or options that don't go with shards. */
function partOf(flags: RestoreFlags, environment: Invocation['environment']): RestorePart | undefined {
  const { shard: text, finish = false } = flags
  if (text === undefined && !finish) return undefined
  assertNamesSnapshot(flags, text === undefined ? '--finish' : '--shard')
  if (text === undefined) return { kind: 'finish' }
  const shard = parseShard(text, environment)
  return { kind: finish ? 'alone' : 'shard', shard }
}

function clusterInShards(): HoldfastError {
  return new HoldfastError('invalid-input', 'a cluster and its WAL are not restored in shards', {
    hint: 'restore it without --shard and --finish',
  })
}

function assertStartFlags({ start = false, postgresBin, dryRun = false }: RestoreFlags): void {
  if (start !== (postgresBin !== undefined))
    throw new HoldfastError('invalid-input', '--start and --postgres-bin go together', {
      hint: 'pass --start and --postgres-bin DIR, or neither',
    })
  if (start && dryRun)
    throw new HoldfastError('invalid-input', '--start and --dry-run exclude each other', {
      hint: 'leave one of them out',
    })
}

/** A recovery begins from the base that was chosen for it. */
function snapshotRequest(request: IncompleteFlags, recovery: PlannedRecovery | null): IncompleteFlags {
  if (recovery === null) return request
  const { pointInTime: _, ...withoutTime } = request
  const { source, id } = recovery.choice.base.ref
  return { ...withoutTime, source, snapshot: id }
}

function assertUndamaged({ damaged }: RestoreResult, id: string): void {
  if (damaged.length === 0) return
  throw new HoldfastError(
    'damaged',
    `${countOf(damaged.length, 'entry', 'entries')} could not be restored: the vault has lost or damaged their bytes`,
    {
      hint: 'everything else was restored and verified; an older snapshot may still have them (`holdfast snapshots`)',
      context: { snapshot: id, damaged: damaged.length },
    },
  )
}
