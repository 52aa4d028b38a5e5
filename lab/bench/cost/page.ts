// docs/cost.md: what a TiB costs, computed from the product's own constants.
import { largePackTargetBytes, largeSourceBytes, packTargetBytes } from '../../../core/pack/pack-size.ts'
import { maxRequestBytes } from '../../../core/restore-plan/restore-plan.ts'
import { maxRenewalDays } from '../../../core/snapshot/retention.ts'
import { defaultGraceDays } from '../../../checks/custodian/custody-plan.ts'
import { readConfig } from '../../../infra/config-reader.ts'
import { exampleConfig } from '../../sandbox/loader/example-config.ts'
import { packsOf, putCost, renew, restoreCost } from './cost.ts'
import type { Prices, Renewal, Vault } from './cost.ts'
import { idlePartsPerDay, partsPerDay, segmentsPerDay } from './wal-cost.ts'

const [kib, mib, tib] = [2 ** 10, 2 ** 20, 2 ** 40]

/** S3 Standard in us-east-1, the list prices of the first tier. Look them up: they change, and other regions differ. */
const prices: Prices = {
  storageGibMonth: 0.023,
  per1000Puts: 0.005,
  per1000Gets: 0.0004,
  internetGib: 0.09,
  otherRegionGib: 0.02,
}
const pricesAsOf = 'November 2026'

const dailyChange = 0.02
const otherGenerations = [30, 90]
/** The defaults of `holdfast postgres stream`, and the `archive_timeout` of docs/postgres.md. */
const [everyMs, heartbeatMs, archiveTimeoutSeconds] = [2000, 10_000, 60]
const walLoads = [16 * kib, 128 * kib, 512 * kib, mib, 4 * mib]

export function costPage(): string {
  // The defaults of a vault's configuration; the time matters only to a thaw.
  const { promiseDays, generationDays } = readConfig({ ...exampleConfig, layer: 'vault' }, 0)
  const vault: Vault = {
    liveBytes: tib,
    packBytes: packTargetBytes,
    promiseDays,
    generationDays,
    dailyChange,
  }
  const large = { ...vault, packBytes: largePackTargetBytes }
  return [
    '# What does one TiB cost?',
    '',
    'These figures are for one TiB in the vault, after deduplication and compression. `npm run bench -- --cost` writes this page from the size of',
    'a pack, the defaults of the configuration, and the rules by which a backup reuses packs and the custodian keeps them. A test compares the page with it.',
    '',
    '## What do the figures assume?',
    '',
    `- List prices of S3 Standard in us-east-1, first tier, ${pricesAsOf}: $${prices.storageGibMonth} per GiB and month.`,
    `  Requests: $${prices.per1000Puts} for 1,000 PUT or LIST, $${prices.per1000Gets} for 1,000 GET.`,
    `  Traffic: $${prices.internetGib} per GiB to the internet, $${prices.otherRegionGib} to another region, nothing into S3 and within the region.`,
    '  Look them up before you decide; the formulas stay the same.',
    '- A change of a lock (`PutObjectRetention`) counts as a PUT, the more expensive kind of request.',
    `- Guaranteed retention of ${promiseDays} days and generations of ${generationDays}, the defaults: a lock of ${promiseDays + generationDays} days. ${dailyChange * 100} % of the bytes change each day.`,
    `- The custodian runs daily, and prunes a version ${defaultGraceDays} days after its lock has ended. Without it, nothing expires: all stays and costs.`,
    '',
    '## What do requests cost?',
    '',
    ...requestsTable(vault, large),
    '',
    "PUTs of a first backup = bytes / pack size. PUTs of a daily run = changed bytes / pack size, one proof of the vault's identity, and one manifest. A run without changes is the last two.",
    '',
    '## What does storage cost, with retention and renewal?',
    '',
    ...storageTable(vault),
    '',
    'The figures are averages of simulated days, by the rules of the backup and of the custodian. They depend on where the changes lie:',
    '',
    '- **together**: what changes on one day was uploaded together before. Logs, new files and hot parts of a database are like this.',
    '- **spread**: any chunk may change. A pack then stays for the sake of a few chunks.',
    '',
    '**Uploading again** (`--renewal upload`): a backup may reuse a pack for one generation after its upload. Then it uploads the content again, and the old copy',
    'stays until its lock ends. A writer needs no additional right, and no custodian has to run for the guaranteed retention.',
    '',
    `**Extending locks** (\`--renewal extend\`): a backup goes on reusing a pack, and the custodian extends its lock, once in a generation and two days ahead. After`,
    `${maxRenewalDays} days the backup uploads the content again all the same, so that half-empty packs and old bits go. It pays for short generations. For generations of a`,
    'month and more, uploading again stores less if changes are spread.',
    '',
    `In each run, the custodian looks at the lock of each pack of a source's last good snapshot: one HEAD for each, ${dollars((packsOf(vault) / 1000) * prices.per1000Gets)} in all.`,
    '',
    '## What does a restore cost?',
    '',
    ...restoreTable(vault, large),
    '',
    `GETs = bytes / pack size, because neighbouring ranges of a pack become one request, up to ${maxRequestBytes / mib} MiB. Large packs take several.`,
    'A single file takes a handful of requests, for any size of the vault.',
    '',
    "## What does PostgreSQL's WAL cost?",
    '',
    ...walTable(promiseDays + generationDays + defaultGraceDays),
    '',
    `\`holdfast postgres stream\` uploads a part when its first byte has waited for \`--every ${everyMs / 1000}s\`, or when it has 1 MiB, or at the end of a segment. An idle server`,
    `makes a part for each \`--heartbeat ${heartbeatMs / 1000}s\`. \`wal-push\` uploads each segment of 16 MiB. While the server writes, \`archive_timeout = ${archiveTimeoutSeconds}\` makes it one a minute at`,
    'least. Twice the time of `--every` halves the requests of a server that writes little.',
    '',
    `Storage is that of ${promiseDays + generationDays + defaultGraceDays} days of WAL: its lock, and the ${defaultGraceDays} days after it. It counts all bytes, although zstd makes most WAL smaller.`,
    '',
  ].join('\n')
}

function requestsTable(vault: Vault, large: Vault): string[] {
  const row = (packBytes: number): string[] => {
    const first = packsOf({ ...vault, packBytes })
    const daily = packsOf({ liveBytes: vault.liveBytes * vault.dailyChange, packBytes })
    return [
      sizeText(packBytes),
      countText(first),
      dollars(putCost(first, prices)),
      countText(daily),
      dollars(putCost(daily * 30, prices)),
    ]
  }
  return table(
    [
      'Objects of',
      'PUTs of a first backup',
      'cost',
      `PUTs of a day that changes ${vault.dailyChange * 100} %`,
      'cost of 30 days',
    ],
    [
      [...row(8 * kib), 'an object a small file, for comparison'],
      [...row(vault.packBytes), 'Holdfast'],
      [...row(large.packBytes), `Holdfast, beyond the first ${largeSourceBytes / tib} TiB`],
    ].map(([size, ...cells]) => [`${size} (${cells.at(-1)})`, ...cells.slice(0, -1)]),
  )
}

function storageTable(vault: Vault): string[] {
  const rows = [vault, ...otherGenerations.map((generationDays) => ({ ...vault, generationDays }))].flatMap(
    (variant) => [row(variant, 'upload'), row(variant, 'extend')],
  )
  return table(
    [
      'Guaranteed retention + generation',
      'Renewed by',
      'Stored, changes together',
      'a month',
      'Stored, changes spread',
      'a month',
      'PUTs a month, spread',
      'cost',
    ],
    rows,
  )

  function row(variant: Vault, renewal: 'upload' | 'extend'): string[] {
    const together = renew(variant, prices, { renewal, changes: 'together' })
    const spread = renew(variant, prices, { renewal, changes: 'spread' })
    return [
      `${variant.promiseDays} + ${variant.generationDays} days`,
      renewal === 'upload' ? 'uploading again' : 'extending locks',
      tebibytes(together),
      dollars(together.storagePerMonth),
      tebibytes(spread),
      dollars(spread.storagePerMonth),
      countText(spread.putsPerMonth),
      dollars(spread.requestsPerMonth),
    ]
  }
}

function tebibytes({ storedBytes }: Renewal): string {
  return `${(storedBytes / tib).toFixed(2)} TiB`
}

function restoreTable(vault: Vault, large: Vault): string[] {
  return table(
    ['Packs of', 'GETs', 'within the region', 'to another region', 'to the internet'],
    [vault, large].map((variant) => {
      const cost = restoreCost(variant, prices)
      return [
        sizeText(variant.packBytes),
        countText(cost.gets),
        dollars(cost.sameRegion),
        dollars(cost.otherRegion),
        dollars(cost.internet),
      ]
    }),
  )
}

function walTable(keptDays: number): string[] {
  const row = (bytesPerSecond: number): string[] => {
    const parts =
      bytesPerSecond === 0 ? idlePartsPerDay(heartbeatMs) : partsPerDay({ bytesPerSecond, everyMs })
    const segments = segmentsPerDay(bytesPerSecond, archiveTimeoutSeconds)
    const keptGib = (bytesPerSecond * 86_400 * keptDays) / 2 ** 30
    return [
      bytesPerSecond === 0 ? 'nothing' : `${sizeText(bytesPerSecond)} a second`,
      countText(parts),
      dollars(putCost(parts, prices)),
      countText(segments),
      dollars(putCost(segments, prices)),
      dollars(keptGib * prices.storageGibMonth),
    ]
  }
  return table(
    [
      'The server writes',
      `PUTs a day, streamed every ${everyMs / 1000} s`,
      'cost a day',
      'PUTs a day, pushed',
      'cost a day',
      'storage a month',
    ],
    [0, ...walLoads].map(row),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

function sizeText(bytes: number): string {
  return bytes < mib ? `${bytes / kib} KiB` : `${bytes / mib} MiB`
}

function countText(count: number): string {
  return Math.ceil(count).toLocaleString('en')
}

function dollars(amount: number): string {
  return `$${amount.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
}
