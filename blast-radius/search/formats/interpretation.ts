// Settings of a tree as programs mean them: pairs of `name` and `value`, items `NAME=value`, arguments
// after their options, and Kubernetes' Secrets, whose values are in base64.
import type { Setting } from './setting.ts'

const nameKey = /^(?:name|key|variable|Name|Key)$/
const valueKey = /^(?:value|Value|default|defaultValue)$/
const maxEncodedLength = 100_000

export function interpret(settings: readonly Setting[]): Setting[] {
  const names = new Map<string, string>()
  const secretObjects = new Set<string>()
  const types = new Map<string, string>()
  for (const { path, value } of settings) {
    const outer = path.slice(0, -1).join('\0')
    if (nameKey.test(path.at(-1) ?? '')) names.set(outer, value)
    if (path.at(-1) === 'type') types.set(outer, value)
    if (path.at(-1) === 'kind' && value === 'Secret') secretObjects.add(outer)
  }
  let previous: Setting | undefined
  return settings.flatMap((setting) => {
    const before = previous
    previous = setting
    const last = setting.path.at(-1) ?? ''
    const outer = setting.path.slice(0, -1)
    if (/^\d+$/.test(last)) return listItem(setting, before)
    const name = valueKey.test(last) ? names.get(outer.join('\0')) : undefined
    if (name !== undefined) return [{ ...setting, path: [...outer.slice(0, -1), name] }]
    // Terraform's state: `outputs.NAME.value`, and what `random_password` made.
    if (last === 'value' && outer.at(-2) === 'outputs') return [{ ...setting, path: outer }]
    if (
      last === 'result' &&
      outer.at(-1) === 'attributes' &&
      types.get(outer.slice(0, -3).join('\0')) === 'random_password'
    )
      return [{ ...setting, path: [...outer, 'random_password'] }]
    if (outer.at(-1) === 'data' && secretObjects.has(outer.slice(0, -1).join('\0'))) return decoded(setting)
    return [setting]
  })
}

/** `- NAME=value` of Compose, and the argument after `--option`. */
function listItem(setting: Setting, before: Setting | undefined): Setting[] {
  const { value, start, end, path } = setting
  const assignment = /^([A-Za-z_][\w.-]{0,80})=([\s\S]+)$/.exec(value)
  const outer = path.slice(0, -1)
  if (assignment !== null) {
    const offset = assignment[1]!.length + 1
    return [
      { path: [...outer, assignment[1]!], value: assignment[2]!, start: Math.min(start + offset, end), end },
    ]
  }
  const option =
    before !== undefined && isSibling(before.path, path)
      ? /^--?([\w-]{2,60})$/.exec(before.value)?.[1]
      : undefined
  return option === undefined ? [setting] : [{ ...setting, path: [...outer, option] }]
}

function isSibling(path: readonly string[], sibling: readonly string[]): boolean {
  return path.length === sibling.length && path.slice(0, -1).every((name, index) => name === sibling[index])
}

function decoded(setting: Setting): Setting[] {
  if (!/^[A-Za-z0-9+/\s]{4,}={0,2}\s*$/.test(setting.value) || setting.value.length > maxEncodedLength)
    return [setting]
  const bytes = Buffer.from(setting.value, 'base64')
  return bytes.includes(0) ? [] : [{ ...setting, value: bytes.toString('utf8'), isDecoded: true }]
}
