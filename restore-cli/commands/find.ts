// `holdfast find`: searches all snapshots for entries, or shows which snapshot changed them.
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { countOf } from '../render/figures.ts'
import { refRecord } from '../render/search-report.ts'
import { terminalText } from '../render/terminal-text.ts'
import { parseSnapshotArgument } from '../snapshot-argument.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface FindFlags extends VaultFlags {
  changedBetween?: string[]
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Search all snapshots for a pattern: each version of an entry, and the snapshots that have it.',
    )
    .argument(
      '[pattern]',
      "as in .gitignore, relative to the source's root: `*.pdf`, `uploads/**/invoice-?.pdf`",
    )
    .addOption(sourceOption('only this source'))
    .addOption(
      new Option(
        '--changed-between <snapshots...>',
        'show for each snapshot between two how many entries it adds, changes and removes; each is an id, a time, or `latest`',
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast find '*.pdf' --bucket my-vault
  holdfast find 'uploads/2026/*' --bucket my-vault --source rental-db --json | jq -r .path
  holdfast find --changed-between 2026-04-24T00:00:00Z latest --bucket my-vault --source rental-db
  holdfast find 'uploads/**' --changed-between 2026-04-24T00:00:00Z latest --bucket my-vault

Parts of a tree that several snapshots share are read once. With --changed-between, the report ends with the
snapshot that changed and removed the most entries, and with the one before it: the state before the damage.
`,
    )
    .action((pattern: string | undefined) => find(pattern, command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `not-found` if nothing fits, `incomplete` if a snapshot could not be searched. */
async function find(
  patternText: string | undefined,
  flags: FindFlags,
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const { pattern, between } = parseArguments(patternText, flags.changedBetween)
  const requests = between?.map((text) => parseSnapshotArgument(text, flags.source))
  const { findChanges, findVersions, parseFilter } = await import('../snapshot-search.ts')
  const filter = pattern === undefined ? null : parseFilter(pattern)
  const address = await resolveVault(flags, { command: 'find', roleOf: ({ roles }) => roles.restorer })
  const unreadable: string[] = []
  const onUnreadable = (ref: SnapshotRef, reason: string): void => {
    unreadable.push(ref.id)
    output.record('unreadable-snapshot', { source: ref.source, ...refRecord(ref), reason })
    output.text(`warning: ${ref.id} could not be searched: ${terminalText(reason)}\n`)
  }
  await withVault(
    address,
    invocation.signal,
    (vault) =>
      requests === undefined
        ? findVersions({ vault, output, onUnreadable }, filter!, flags.source)
        : findChanges({ vault, output, onUnreadable }, filter, requests),
    output,
  )
  if (unreadable.length === 0) return
  throw new HoldfastError(
    'incomplete',
    `${countOf(unreadable.length, 'snapshot')} could not be searched: ${unreadable.slice(0, 3).join(', ')}`,
    { hint: 'all others were; `holdfast verify --snapshot ID` shows what is damaged' },
  )
}

/** Commander gives all words behind the option to it, so that the pattern may be among them. */
function parseArguments(
  pattern: string | undefined,
  words: readonly string[] | undefined,
): { pattern: string | undefined; between: [string, string] | null } {
  const [from, to, ...wordsBehind] = words ?? []
  const patterns = pattern === undefined ? wordsBehind : [pattern, ...wordsBehind]
  if (words === undefined && pattern !== undefined) return { pattern, between: null }
  if (from !== undefined && to !== undefined && patterns.length <= 1)
    return { pattern: patterns[0], between: [from, to] }
  throw new HoldfastError(
    'invalid-input',
    words === undefined
      ? 'no pattern given'
      : '--changed-between takes two snapshots, and at most one pattern',
    { hint: "pass a quoted pattern, e.g. '*.pdf', or --changed-between FROM TO, or both" },
  )
}
