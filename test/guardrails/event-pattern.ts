// Matches events as EventBridge does, for the comparisons that the alarms use: exact values, prefix, suffix, exists,
// anything but; several values are alternatives, several fields all have to match, a list in the event matches by any
// of its items.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

export function matchesPattern(pattern: object, event: Json | undefined): boolean {
  if (Array.isArray(event)) return event.some((item) => matchesPattern(pattern, item))
  if (event === undefined || event === null || typeof event !== 'object') return false
  return Object.entries(pattern).every(([key, expected]) => {
    if (key === '$or') return (expected as object[]).some((alternative) => matchesPattern(alternative, event))
    const value = Object.hasOwn(event, key) ? event[key] : undefined
    if (Array.isArray(expected)) return expected.some((alternative) => matchesOne(alternative, value))
    // A pattern below a field that isn't there, or is null, matches only if it takes it that nothing is there.
    return matchesPattern(
      expected as object,
      (value === undefined || value === null) && admitsAbsence(expected as object) ? {} : value,
    )
  })
}

function admitsAbsence(pattern: object): boolean {
  return Object.values(pattern).every((part) =>
    Array.isArray(part)
      ? part.some((alternative) => isRecord(alternative) && alternative['exists'] === false)
      : admitsAbsence(part as object),
  )
}

function matchesOne(expected: unknown, value: Json | undefined): boolean {
  if (isRecord(expected)) {
    if ('exists' in expected) return (value !== undefined) === expected['exists']
    if ('anything-but' in expected)
      return (
        value !== undefined &&
        ![expected['anything-but']].flat().some((excluded) => [value].flat().includes(excluded as Json))
      )
    if ('wildcard' in expected) {
      const parts = String(expected['wildcard']).split('*')
      return typeof value === 'string' && new RegExp(`^${parts.join('.*')}$`, 's').test(value)
    }
    const [operator, ...furtherOperators] = Object.keys(expected)
    if ((operator !== 'prefix' && operator !== 'suffix') || furtherOperators.length > 0)
      throw new Error(`no such comparison here: ${JSON.stringify(expected)}`)
    return [value]
      .flat()
      .some(
        (item) =>
          typeof item === 'string' &&
          (operator === 'prefix'
            ? item.startsWith(String(expected['prefix']))
            : item.endsWith(String(expected['suffix']))),
      )
  }
  return [value].flat().some((item) => item === expected)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
