// `npm run probe-store -- --endpoint URL --bucket NEW-NAME`: what docs/stores.md asks of a store, asked of yours.
import { parseArgs } from 'node:util'
import { probe } from './probe.ts'
import { questions } from './questions.ts'

const { values } = parseArgs({ options: { endpoint: { type: 'string' }, region: { type: 'string' }, bucket: { type: 'string' } } })
if (values.bucket === undefined) {
  process.stderr.write('name a bucket with --bucket: it is made, must not exist, and keeps locked versions for a day; credentials come from the SDK\'s default chain\n')
  process.exitCode = 2
} else {
  const answers = await probe({ bucket: values.bucket, region: values.region ?? process.env['AWS_REGION'] ?? 'us-east-1', ...(values.endpoint === undefined ? {} : { endpoint: values.endpoint }) })
  for (const { id, text } of questions) {
    process.stdout.write(`${answers[id]!.padEnd(4)}${answers[id] === 'yes' ? ' ' : '!'} ${text}\n`)
  }
  process.stdout.write('! other than AWS documents; docs/stores.md says what each costs a vault\n')
}
