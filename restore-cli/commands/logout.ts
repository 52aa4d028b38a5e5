// `holdfast logout`: removes the session that `holdfast login` opened.
import type { Command } from 'commander'
import type { Invocation } from '../invocation.ts'
import { jsonOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { removeSession } from '../session-file.ts'

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Remove the session that `holdfast login` opened.')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast logout

A command that is running keeps its session until it ends. AWS can't end one session; it ends by itself within the hour.
`,
    )
    .action(() => logout(command.opts(), invocation))
}

function logout(flags: { json?: boolean }, invocation: Invocation): void {
  const output = makeOutput(invocation, flags.json ?? false)
  const wasSignedIn = removeSession(invocation.environment)
  output.record('logout', { wasSignedIn })
  output.text(wasSignedIn ? 'Signed out.\n' : 'There was no session.\n')
}
