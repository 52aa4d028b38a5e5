// `holdfast acknowledge`: a person of on-call confirms that a test alarm has arrived.
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Confirm that a test alarm has reached you: a record in the vault, which `holdfast check` reads.',
    )
    .argument('<id>', 'the id in the text of the alarm')
    .addHelpText(
      'after',
      `
Examples:
  holdfast acknowledge 6a7e8feb-b491-4cf7-a9f1-bf3703467718 --config vault.json

Takes the role of the restorer, which needs a second factor. The check alarm-path is red without a record.
`,
    )
    .action((id: string) => acknowledge(id, command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `invalid-input` for an id that no alarm has; as the store. */
async function acknowledge(id: string, flags: VaultFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const { isAlarmId, writeAcknowledgement } = await import('../../checks/alarms/acknowledgement.ts')
  if (!isAlarmId(id))
    throw new HoldfastError('invalid-input', `${JSON.stringify(id.slice(0, 40))} is not the id of an alarm`, {
      hint: "copy the id from the alarm's text",
    })
  const address = await resolveVault(flags, {
    command: 'acknowledge',
    roleOf: ({ roles }) => roles.restorer,
  })
  const { ulid } = await import('ulid')
  const { findingText } = await import('../../checks/finding-text.ts')
  await withVault(
    address,
    invocation.signal,
    async ({ store, clock, random }) => {
      const person = flags.sourceIdentity === undefined ? null : findingText(flags.sourceIdentity)
      const key = await writeAcknowledgement(store, ulid(clock.nowMs(), random), { alarm: id, person })
      output.record('acknowledgement', { alarm: id, key, vault: store.name })
      output.text(`acknowledged: ${key} in ${store.name}\n`)
    },
    output,
  )
}
