// Puts every question to one endpoint.
import { setTimeout as sleep } from 'node:timers/promises'
import { ProbedBucket, describeRefusal } from './probed-bucket.ts'
import type { ProbedEndpoint } from './probed-bucket.ts'
import { questions } from './questions.ts'
import type { Question } from './questions.ts'

/** `yes`, `no`, or the error with which the store refused the question. */
export type Answers = Record<string, string>

/** `measured.json`. */
export type Measured = Record<'versitygw' | 'minio' | 'seaweedfs' | 'ceph' | 'sandbox', Answers>

export interface ProbeResult {
  answers: Answers
  /** Refusals besides those of the questions. */
  refusals: readonly string[]
  /** Versions that the store refuses to delete after their locks have ended. */
  remaining: number
}

export interface ProbeOptions {
  /** Waits until the last lock has ended, a minute at most. */
  sleep?: (ms: number) => Promise<unknown>
  onAnswer?: (question: Question, answer: string) => void
}

export async function probe(endpoint: ProbedEndpoint, options: ProbeOptions = {}): Promise<ProbeResult> {
  const bucket = await ProbedBucket.make(endpoint)
  try {
    const answers: Answers = {}
    for (const question of questions) {
      const answer = await question.ask(bucket).then(
        (isSo) => (isSo ? 'yes' : 'no'),
        (error: unknown) => describeRefusal(error),
      )
      answers[question.id] = answer
      options.onAnswer?.(question, answer)
    }
    const remaining = await bucket.remove(options.sleep ?? sleep).catch((error: unknown) => {
      bucket.refusals.push(`to remove the bucket: ${describeRefusal(error)}`)
      return 0
    })
    return { answers, refusals: bucket.refusals, remaining }
  } finally {
    bucket.client.destroy()
  }
}

/** The table of docs/stores.md. */
export function renderTable(measured: Measured): string {
  const stores = ['versitygw', 'minio', 'seaweedfs', 'ceph', 'sandbox'] as const
  const rows = questions.map(({ id, text, page }) =>
    [text, 'yes', ...stores.map((store) => measured[store][id]), page].join(' | '),
  )
  return [
    "| | AWS (documented) | VersityGW | MinIO | SeaweedFS | Ceph RGW | sandbox | AWS's page |",
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n')
}
