// Puts every question to one endpoint.
import { ProbedBucket } from './probed-bucket.ts'
import type { ProbedEndpoint } from './probed-bucket.ts'
import { questions } from './questions.ts'

export type Answers = Record<string, 'yes' | 'no'>

export async function probe(endpoint: ProbedEndpoint): Promise<Answers> {
  const bucket = await ProbedBucket.make(endpoint)
  try {
    const answers: Answers = {}
    for (const { id, ask } of questions) answers[id] = (await ask(bucket)) ? 'yes' : 'no'
    return answers
  } finally {
    bucket.client.destroy()
  }
}

/** The table of docs/stores.md. */
export function renderTable(measured: { versitygw: Answers; sandbox: Answers }): string {
  const rows = questions.map(
    ({ id, text, page }) =>
      `| ${text} | yes | ${measured.versitygw[id]} | ${measured.sandbox[id]} | ${page} |`,
  )
  return [
    "| | AWS (documented) | VersityGW (measured) | sandbox (measured) | AWS's page |",
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}
