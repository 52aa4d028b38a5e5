// A source in a store of a test, and runs of checks on it, as nights would make them.
import { ulid } from 'ulid'
import type { Check } from '../../../checks/check.ts'
import type { ConfigurationPart } from '../../../checks/configuration/configuration-parts.ts'
import type { CheckStatus } from '../../../checks/outcome.ts'
import type { SourceObjectives } from '../../../checks/objectives.ts'
import { checks as allChecks } from '../../../checks/registry.ts'
import type { Report, SourceReport } from '../../../checks/reports/report.ts'
import { runChecks } from '../../../checks/run.ts'
import { defaultObjectives } from '../../../checks/settings.ts'
import type { StateDirectory } from '../../../checks/source-state.ts'
import type { CheckedStore } from '../../../checks/source-view.ts'
import type { Manifest } from '../../../core/snapshot/manifest.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import type { TrustedKeys } from '../../../core/signature.ts'
import type { ObjectStore } from '../../../core/store/object-store.ts'
import { HandmadeVault } from '../../fixtures/handmade-vault.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'

export const hourMs = 3_600_000

/** The store's clock and counters, as the adapter has them. */
export function checkedStore(memory: MemoryStore, store: ObjectStore = memory): CheckedStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'serverTimeMs') return memory.nowMs
      if (name === 'requests') return memory.requests
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  }) as CheckedStore
}

export class CheckedSource {
  readonly memory: MemoryStore
  readonly vault: HandmadeVault
  states: StateDirectory | null = null
  notaryKeys: TrustedKeys | null = null
  configuration: readonly ConfigurationPart[] | null = null
  signal = new AbortController().signal
  checks: readonly Check[] = allChecks
  store: CheckedStore
  private last: Snapshot | null = null
  private days = 0

  constructor(memory = new MemoryStore()) {
    this.memory = memory
    this.vault = new HandmadeVault(memory, 'files')
    this.store = checkedStore(memory)
  }

  /** A snapshot that follows the last one: of `files` files, with new content each day. */
  async backUp(files = 4, overrides: Partial<Manifest> = {}): Promise<Snapshot> {
    const { vault, last } = this
    const day = this.days++
    const entries = Array.from({ length: files }, (_, index) =>
      vault.file(`file-${index}`, `${day} of ${index}`),
    )
    const root = vault.tree([vault.directory(''), ...entries])
    const bytes = entries.reduce((sum, { size }) => sum + size, 0)
    this.last = await vault.commit(root, {
      parent: last === null ? null : { id: last.id, sha256: last.sha256 },
      tree: { root: root.toString('hex'), entries: files + 1, files, bytes },
      ...overrides,
    })
    return this.last
  }

  pass(ms: number): void {
    this.memory.nowMs += ms
  }

  async nights(count: number): Promise<void> {
    for (let night = 0; night < count; night++) {
      this.pass(dayMs)
      await this.backUp()
    }
  }

  async run(overrides: Partial<SourceObjectives> = {}, isConfigured = true): Promise<Night> {
    const { memory, store, states, checks } = this
    const { report } = await runChecks({
      store,
      clock: memoryClock(memory),
      run: ulid(memory.nowMs),
      toolVersion: 'test',
      checks,
      sources: [{ source: 'files', isConfigured, objectives: { ...defaultObjectives, ...overrides } }],
      states,
      notaryKeys: this.notaryKeys,
      configuration: this.configuration,
      signal: this.signal,
    })
    return new Night(report)
  }
}

function memoryClock(memory: MemoryStore): { nowMs: () => number } {
  return { nowMs: () => memory.nowMs }
}

/** The result of one run. */
export class Night {
  readonly report: Report
  readonly source: SourceReport

  constructor(report: Report) {
    this.report = report
    this.source = report.sources[0]!
  }

  /** The checks that are not passed. */
  get red(): Record<string, CheckStatus> {
    const red = this.source.outcomes.filter(({ status }) => status !== 'passed')
    return Object.fromEntries(red.map(({ check, status }) => [check, status]))
  }

  findings(check: string): string[] {
    const outcome = this.source.outcomes.find((candidate) => candidate.check === check)!
    return outcome.findings.map(({ subject, detail }) => `${subject}: ${detail}`)
  }
}
