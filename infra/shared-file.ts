// One file for three stacks: `holdfast:file` names it, and its keys replace those of the stack.
import { isDeepStrictEqual } from 'node:util'
import { HoldfastError } from '../core/errors.ts'
import { readConfigFile } from './config-file.ts'
import { configSchema } from './config.ts'

/** Pulumi.yaml gives these an empty default, so that a stack may leave them to the file. */
const neededKeys: ReadonlySet<string> = new Set(['layer', 'region', 'vaultAccountId'])

/**
 * The stack's values with those of the file. Without a layer, the name of the stack is the layer.
 * @throws HoldfastError `invalid-input` if stack and file give one key different values, or as `readConfigFile`
 */
export function mergeFile(stackValues: Record<string, unknown>, stackName: string): Record<string, unknown> {
  const values = Object.fromEntries(
    Object.entries(stackValues).filter(([key, value]) => !(neededKeys.has(key) && value === '')),
  )
  const file = values['file']
  const layer = values['layer'] ?? stackName
  if (typeof file !== 'string' || file === '') return { ...values, layer }
  const shared = readConfigFile(file)
  const conflicts = Object.entries(shared).filter(
    ([key, value]) =>
      key in values &&
      !isDeepStrictEqual(values[key], value) &&
      !isDeepStrictEqual(values[key], defaultOf(key)),
  )
  if (conflicts.length === 0) return { ...values, layer, ...shared }
  const names = conflicts.map(([key]) => `holdfast:${key}`)
  throw new HoldfastError(
    'invalid-input',
    `the stack and ${file} give different values: ${names.join(', ')}`,
    {
      hint: `keep each key in one of them: \`pulumi config rm ${names[0]}\`; nothing was changed`,
      context: { problems: names },
    },
  )
}

/** Pulumi fills in the defaults of Pulumi.yaml, so a default isn't a choice of the stack. */
function defaultOf(key: string): unknown {
  const field = Object.entries(configSchema.shape).find(([name]) => name === key)?.[1]
  const parsed = field?.safeParse(undefined)
  return parsed?.success === true ? parsed.data : undefined
}
