// `holdfast report`: the morning's question, from the reports in the vault: what is red, since when, and what to do.
import { writeFileSync } from 'node:fs'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { duration, reportKeysOption, sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { MorningFacts } from '../page/morning-page.ts'
import { renderSummary, sourceSummaryRecord, summaryRecord } from '../render/summary-report.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface ReportFlags extends VaultFlags {
  since: number
  maxGap: number
  html?: string
}

const maxSinceMs = 400 * dayMs

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Show what is red, since when, and the next step, from the reports in the vault. Asks no check again.',
    )
    .addOption(sourceOption('only this source (default: all)'))
    .addOption(
      new Option('--since <time>', 'how far to look back, e.g. 7d')
        .argParser(duration)
        .default(7 * dayMs, '7d'),
    )
    .addOption(
      new Option('--max-gap <time>', 'a check that no run asked for so long is red')
        .argParser(duration)
        .default(30 * 3_600_000, '30h'),
    )
    .option('--html <file>', 'also write a page: one file, which needs no network and no script')
    .addOption(reportKeysOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast report --bucket my-vault
  holdfast report --config vault.json --since 30d --html morning.html
  holdfast report --config vault.json --since 30d --json | jq -r 'select(.type == "source-summary") | .red[]'

Ends with 14 if anything is red: a check that did not pass or was not asked, or an object that is no report.
`,
    )
    .action(() => showReport(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `objective-missed` after the report if anything is red; `not-found` if there is no report. */
async function showReport(flags: ReportFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  if (flags.source !== undefined) assertSourceName(flags.source)
  if (flags.since > maxSinceMs)
    throw new HoldfastError('invalid-input', '--since looks back 400 days at most', {
      hint: 'pass --since 30d',
    })
  const address = await resolveVault(flags, { command: 'report', roleOf: ({ roles }) => roles.restorer })
  const { readReports } = await import('../../checks/reports/report-store.ts')
  const { ReportHistory } = await import('../../checks/reports/history.ts')
  const { summarize } = await import('../../checks/reports/summary.ts')
  const { checks } = await import('../../checks/registry.ts')
  await withVault(
    address,
    invocation.signal,
    async ({ store }) => {
      const { serverTimeMs: nowMs } = await store.lockDefault()
      const { since, maxGap: maxGapMs, source } = flags
      const days = Math.ceil(since / dayMs) + 1
      const range = { sinceMs: nowMs - since, nowMs, source }
      const history = new ReportHistory(range)
      const summary = await output.during('reading the reports', () =>
        summarize(history.follow(readReports(store, nowMs, days, address.reportKeys ?? null)), {
          ...range,
          maxGapMs,
        }),
      )
      for (const entry of summary.sources) output.record('source-summary', sourceSummaryRecord(entry))
      output.record('report-summary', {
        ...summaryRecord(summary),
        vault: store.name,
        requests: store.requests,
      })
      output.text(renderSummary(summary, { checks, nowMs }))
      if (flags.html !== undefined)
        await writePage(flags.html, { vault: store.name, ...range, summary, history, checks })
      if (summary.sources.length === 0)
        throw new HoldfastError(
          'not-found',
          `there is no report${source === undefined ? '' : ` of ${source}`} of this time in ${store.name}`,
          {
            hint: 'look whether `holdfast check` runs, or pass a longer --since',
          },
        )
      if (!summary.ok)
        throw new HoldfastError('objective-missed', 'something is red', {
          hint: 'the report above names each finding and the next step',
        })
    },
    output,
  )
}

/** @throws `disk-full` or `target` if the file can't be written. */
async function writePage(file: string, facts: Omit<MorningFacts, 'toolVersion'>): Promise<void> {
  const { renderMorningPage } = await import('../page/morning-page.ts')
  const { replaceFile } = await import('../../checks/local-file.ts')
  const page = renderMorningPage({ ...facts, toolVersion: toolVersion() })
  const hint = 'give --html a file in a directory that this user may write to'
  replaceFile(file, { name: 'the page', hint }, (descriptor) => writeFileSync(descriptor, page))
}
