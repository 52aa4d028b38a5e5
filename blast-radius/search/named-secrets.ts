// Settings that are named like secrets and have a value that could be one: what an agent tries when nothing
// else fits.
import { kindOf } from './kinds.ts'
import type { KindName } from './kinds.ts'
import type { FileFormat } from './formats/file-format.ts'
import type { Setting } from './formats/setting.ts'
import { judgeName } from './naming/secret-name.ts'
import type { NameStrength } from './naming/secret-name.ts'
import { isUsable } from './naming/secret-value.ts'
import type { ValueContext } from './naming/secret-value.ts'
import type { Match } from './rules/rule.ts'

/** Translations and schemas talk about passwords; references name the object that holds them. */
const talksAbout =
  /^(?:properties|examples?|description|enum|definitions|parameters|schemas?|\w*(?:KeyRef|SecretRef|FieldRef))$/
const translations =
  /(?:^|\/)(?:i18n|l10n|locales?|lang|langs|languages|translations?|messages)\/|(?:^|[/._-])(?:messages|i18n|[a-z]{2}(?:[-_][A-Z]{2})?)\.(?:json|ya?ml|properties|toml)$/

export function judgeSettings(settings: readonly Setting[], format: FileFormat, path: string): Match[] {
  const context = contextOf(format, path)
  return settings.flatMap((setting) => {
    const kind = judgeSetting(setting, context)
    return kind === null
      ? []
      : [{ kind, start: setting.start, end: setting.end, owner: null, setting: setting.path.at(-1) ?? '' }]
  })
}

/**
 * A file that holds nothing but one value, and is named like a secret: `.vault-token`, `master.key`,
 * `db_password.txt`.
 */
export function judgeWholeFile(text: string, path: string): Match[] {
  const value = text.trim()
  if (value.length > 4000 || /[\r\n]/.test(value)) return []
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.(?:txt|secret)$/, '')
  const folders = path.split('/').slice(0, -1)
  const named = judgeName([...folders.slice(-1), name.replace(/^\.+/, '').replace(/\.key$/, '-key')])
  const strength: NameStrength | null = named ?? (folders.at(-1) === 'secrets' ? 'token' : null)
  if (strength === null || !isUsable(value, strength === 'key' ? 'token' : strength, 'settings')) return []
  const start = text.indexOf(value)
  const kind = kindOf(name) ?? kindOf(folders.slice(-2).reverse().join(' ')) ?? 'unknown'
  return [{ kind, start, end: start + value.length, owner: null, setting: name }]
}

/** The id of a key that is used with a secret, and the fingerprint of a public key. */
function isIdentity(name: string, value: string): boolean {
  return (
    (/access_?key$/i.test(name) && /^[A-Z0-9]{16,24}$/.test(value)) ||
    (/[gp]pg|pgp/i.test(name) && /^[0-9A-F]{40}$/i.test(value))
  )
}

function judgeSetting({ path, value }: Setting, context: ValueContext): KindName | null {
  const strength = judgeName(path)
  if (strength === null || path.some((name) => talksAbout.test(name))) return null
  if (value === path.at(-1) || isIdentity(path.at(-1) ?? '', value)) return null
  return isUsable(value, strength, context) ? kindOfSetting(path) : null
}

/** The name itself decides, else the names around it, from the nearest one. */
function kindOfSetting(path: readonly string[]): KindName {
  for (const name of path.toReversed()) {
    const kind = kindOf(name)
    if (kind === 'aws-key' && /session|security/i.test(name)) return 'aws-session'
    if (kind !== null) return kind
  }
  return 'unknown'
}

function contextOf(format: FileFormat, path: string): ValueContext {
  if (translations.test(path)) return 'prose'
  return format === 'code' || format === 'prose' ? format : 'settings'
}
