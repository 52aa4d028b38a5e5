// A check answers one question about one source in a vault. It only reads.
import type { ConfigurationPart } from './configuration/configuration-parts.ts'
import type { SourceObjectives } from './objectives.ts'
import type { CheckOutcome, Severity } from './outcome.ts'
import type { SnapshotMark } from './reports/report.ts'
import type { SourceView } from './source-view.ts'

export interface Check {
  /** Kebab-case; part of reports, records and command lines, so that it stays. */
  readonly id: string
  /** The question, with its question mark. */
  readonly question: string
  readonly severity: Severity
  /** The evidence that a finding gives. */
  readonly evidence: string
  /** The next step of on-call. */
  readonly remedy: string
  /** @throws a HoldfastError if the check could not tell: the run turns it into a finding. */
  run(context: CheckContext): Promise<CheckOutcome>
}

/** The part of an earlier report that concerns one source. */
export interface EarlierReport {
  /** The newest usable report that has the source. */
  run: string
  mark: SnapshotMark | null
  /** True if its run had a local state. */
  hasState: boolean
}

export interface CheckContext {
  source: string
  /** False for a source that the vault has and the configuration doesn't name. */
  isConfigured: boolean
  objectives: SourceObjectives
  view: SourceView
  /** Null without an expected state: then the check of the configuration doesn't run. */
  configuration: readonly ConfigurationPart[] | null
  /** Why this run has no local state of an earlier one; null if it has one, or needs none. */
  lostState: string | null
  /**
   * Null if no report of the last days has the source. `problems` are those of newer objects that are no usable report.
   * @throws as the store.
   */
  earlierReport: () => Promise<{ report: EarlierReport | null; problems: readonly string[] }>
}
