// `holdfast login`: opens a session with one code of a second factor, for the commands that follow.
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { timeText } from '../../core/time-text.ts'
import type { Invocation } from '../invocation.ts'
import { openRoleSession } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import { durationText } from '../render/figures.ts'
import { terminalText } from '../render/terminal-text.ts'
import { writeSession } from '../session-file.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'
import { wallClock } from '../wall-clock.ts'

/** The longest session that the roles allow. */
const defaultSeconds = 3600

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Open a session of the restorer with one code of your second factor, for the next commands.')
    .addHelpText(
      'after',
      `
Examples:
  holdfast login --config vault.json --mfa-serial arn:aws:iam::111122223333:mfa/maria
  holdfast snapshots --config vault.json

The session lasts an hour at most, and never longer than AWS gives it. It lies in a file that only your user may read.
\`holdfast logout\` removes it. Commands use it if they would assume the same role.
`,
    )
    .action(() => login(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `credentials` without a terminal, or for a wrong code; `denied`, `unreachable`, `target`. */
async function login(flags: VaultFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(
    { ...flags, sessionSeconds: flags.sessionSeconds ?? defaultSeconds },
    { command: 'login', roleOf: ({ roles }) => roles.restorer },
  )
  const { role, ...vault } = address
  if (role === undefined)
    throw new HoldfastError('invalid-input', 'no role given: pass --role-arn or --config', {
      hint: 'the session is one of a role, which your second factor opens',
    })
  const openedMs = wallClock.nowMs()
  const { accessKeyId, secretAccessKey, sessionToken, lifetimeMs } = await openRoleSession(
    { ...vault, role },
    invocation.signal,
    output,
  )
  const { roleArn, sourceIdentity = null, mfaSerial = null } = role
  const session = {
    roleArn,
    sourceIdentity,
    mfaSerial,
    accessKeyId,
    secretAccessKey,
    sessionToken,
    openedMs,
    lifetimeMs,
  }
  const file = writeSession(session, invocation.environment)
  const expires = timeText(Math.floor((openedMs + lifetimeMs) / 1000) * 1000)
  output.record('login', { roleArn, sourceIdentity, expires, file })
  output.text(
    `Signed in as ${roleArn} for ${durationText(lifetimeMs)}, until ${expires}.\nThe session is in ${terminalText(file)}; \`holdfast logout\` removes it.\n`,
  )
}
