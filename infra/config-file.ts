// Reads a configuration from a file: the one that `npm run init` writes and all stacks share, or what `pulumi config
// --json` prints.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { parseConfigValue } from './config-values.ts'

/** Raised when a key changes its meaning. */
export const configFileVersion = 1

const pulumiValue = z.object({ value: z.string(), objectValue: z.unknown().optional() })

/**
 * The values by key, without `holdfast:`. Values of other programs are left out.
 * @throws HoldfastError `invalid-input` if the file can't be read or isn't such JSON, `unsupported-format` if another
 * version of Holdfast wrote it
 */
export function readConfigFile(file: string): Record<string, unknown> {
  let entries: Record<string, unknown>
  try {
    entries = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new HoldfastError('invalid-input', `${file} is not a configuration in JSON`, {
      hint: 'write one with `npm run init`, or with `pulumi config --json > FILE`',
      cause: error,
    })
  }
  const { formatVersion = configFileVersion, ...keys } = entries
  if (formatVersion !== configFileVersion)
    throw new HoldfastError(
      'unsupported-format',
      `${file} has the version ${JSON.stringify(formatVersion).slice(0, 20)}, and this program reads ${configFileVersion}`,
      { hint: 'check out the version of Holdfast that wrote it, or write it again with `npm run init`' },
    )
  const ownEntries = Object.entries(keys).filter(([key]) => !key.includes(':') || key.startsWith('holdfast:'))
  return Object.fromEntries(
    ownEntries.map(([full, entry]) => {
      const key = full.replace(/^holdfast:/, '')
      const stored = pulumiValue.safeParse(entry)
      if (!stored.success) return [key, entry]
      return [key, stored.data.objectValue ?? parseConfigValue(key, stored.data.value)]
    }),
  )
}
