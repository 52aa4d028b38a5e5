// `npm run probe-store -- --endpoint URL --bucket NEW-NAME`: what docs/stores.md asks of a store, asked of yours.
import { Command } from 'commander'
import { probe } from './probe.ts'

interface Options {
  bucket: string
  endpoint?: string
  region: string
}

const command = new Command('probe-store')
  .description("asks an S3 store what it enforces; credentials come from the AWS SDK's default chain")
  .requiredOption(
    '--bucket <name>',
    'a bucket that does not exist: it is made, with Object Lock, and removed after the last lock has ended',
  )
  .option('--endpoint <url>', 'an S3-compatible store instead of AWS')
  .option('--region <name>', 'its region', process.env['AWS_REGION'] ?? 'us-east-1')
  .action(ask)

async function ask(options: Options): Promise<void> {
  const { refusals, remaining } = await probe(options, {
    onAnswer: ({ text }, answer) => {
      const mark = answer === 'yes' ? 'yes ' : answer === 'no' ? 'no !' : '?  !'
      const reason = answer === 'yes' || answer === 'no' ? '' : `: ${answer}`
      process.stdout.write(`${mark} ${text}${reason}\n`)
    },
  })
  for (const refusal of refusals) process.stdout.write(`the store refused ${refusal}\n`)
  if (remaining > 0) process.stdout.write(`${remaining} versions stay in ${options.bucket}\n`)
  process.stdout.write('! other than AWS documents: docs/stores.md says what it costs a vault\n')
}

await command.parseAsync().catch((error: unknown) => {
  process.stderr.write(
    `probe-store: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`,
  )
  process.exitCode = 1
})
