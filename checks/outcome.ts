// The outcome of a check: passed, failed or unknown, with the findings that say why.
import { findingText } from './finding-text.ts'

/** `critical`: a restore may fail, or bring back less than expected. `warning`: it will, unless an operator acts. */
export const severities = ['critical', 'warning'] as const
export type Severity = (typeof severities)[number]

/** `unknown`: the check could not tell. It counts as red, because silence must not look like proof. */
export const checkStatuses = ['passed', 'failed', 'unknown'] as const
export type CheckStatus = (typeof checkStatuses)[number]

/** One fact that keeps a check from passing. */
export interface Finding {
  status: Exclude<CheckStatus, 'passed'>
  /** The key, the snapshot or the setting that it concerns. Printable. */
  subject: string
  /** One sentence. Printable. */
  detail: string
}

export interface CheckOutcome {
  status: CheckStatus
  /** One sentence with the figures that the check is about. */
  summary: string
  /** The first findings, `maxFindings` at most; `findingCount` counts all. */
  findings: readonly Finding[]
  findingCount: number
}

export const maxFindings = 20

/** Keeps the first findings and counts all, because an attacker can cause any number. */
export class FindingList {
  private readonly findings: Finding[] = []
  private count = 0
  private hasFailure = false

  failed(subject: string, detail: string): void {
    this.add({ status: 'failed', subject, detail })
  }

  unknown(subject: string, detail: string): void {
    this.add({ status: 'unknown', subject, detail })
  }

  get length(): number {
    return this.count
  }

  outcome(summary: string): CheckOutcome {
    const status = this.hasFailure ? 'failed' : this.count > 0 ? 'unknown' : 'passed'
    return { status, summary: findingText(summary), findings: this.findings, findingCount: this.count }
  }

  private add({ status, subject, detail }: Finding): void {
    this.count++
    this.hasFailure ||= status === 'failed'
    if (this.findings.length < maxFindings)
      this.findings.push({ status, subject: findingText(subject), detail: findingText(detail) })
  }
}
