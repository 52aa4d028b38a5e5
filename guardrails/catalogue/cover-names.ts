// Few patterns instead of many names, because AWS counts the characters of a policy.

/**
 * Patterns with a `*` at the end that match each name of `included` and none of `excluded`, sorted. They are
 * as wide as `excluded` lets them be, so that they also match most names that AWS will add to the same
 * families.
 */
export function coverNames(included: readonly string[], excluded: readonly string[]): string[] {
  return coverBelow('', [...new Set(included)], excluded).sort()
}

function coverBelow(prefix: string, included: readonly string[], excluded: readonly string[]): string[] {
  if (included.length <= 1) return [...included]
  const nearby = excluded.filter((name) => name.toLowerCase().startsWith(prefix))
  if (nearby.length === 0) return [`${commonPrefix(included)}*`]
  const groups = new Map<string, string[]>()
  for (const name of included) {
    const start = name.slice(0, prefix.length + 1).toLowerCase()
    groups.set(start, [...(groups.get(start) ?? []), name])
  }
  return [...groups].flatMap(([start, names]) =>
    start === prefix ? names : coverBelow(start, names, nearby),
  )
}

/** As IAM compares: `PUT` and `PutBucket` have three letters in common. */
function commonPrefix(names: readonly string[]): string {
  let prefix = names[0]!
  for (const name of names)
    while (!name.toLowerCase().startsWith(prefix.toLowerCase())) prefix = prefix.slice(0, -1)
  return prefix
}
