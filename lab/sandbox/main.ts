// `npm run sandbox`: serves the embedded cloud on its own, loaded from the Pulumi program, for any S3 client.
//
//   load the declaration; mint a token for each role that trusts an OIDC provider; start the sandbox;
//   print the endpoint, the roles, and commands that work when pasted; stop on SIGINT or SIGTERM
//
// `npm run sandbox -- code --dir DIRECTORY` prints the code of a second factor.
import { Command, InvalidArgumentError } from 'commander'
import { isHoldfastError } from '../../core/errors.ts'
import { terminalText } from '../../restore-cli/render/terminal-text.ts'
import { showCode } from './playground.ts'
import type { ServeOptions } from './serve.ts'

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new InvalidArgumentError('a port is a number from 0 to 65535')
  return port
}

const command = new Command('sandbox')
  .description(
    'serves an embedded S3, EC2 and STS on loopback, with the buckets, locks, policies and roles that the Pulumi program declares',
  )
  .option('--port <port>', 'port to listen on; 0 takes a free one', parsePort, 0)
  .option(
    '--dir <directory>',
    'where all state is kept, across restarts; a new temporary directory if not given',
  )
  .option('--json', 'print one JSON record instead of a table')
  .option('--config <file>', 'load this configuration (made by `npm run init`) instead of the example')
  .enablePositionalOptions()
  .action(async (options: ServeOptions) => (await import('./serve.ts')).serve(options))

command
  .command('code')
  .description(
    'prints the code that the second factor of a role shows now; the role is the restorer if not given',
  )
  .argument('[role]', 'name of the role', 'holdfast-restorer')
  .requiredOption('--dir <directory>', 'the directory of the running sandbox')
  .action((role: string, options: { dir: string }) => {
    process.stdout.write(`${showCode(options.dir, role, Date.now())}\n`)
  })

try {
  await command.parseAsync()
} catch (error) {
  if (!isHoldfastError(error)) throw error
  process.stderr.write(`sandbox: ${terminalText(error.message)}\nhint: ${terminalText(error.hint ?? '')}\n`)
  process.exitCode = error.exitStatus
}
