// Patterns of actions as IAM reads them: `*` stands for any characters, and upper and lower case are the same.

/** Whether the pattern `general` matches every action that `specific` matches; `specific` may be an action itself. */
export function patternIncludes(general: string, specific: string): boolean {
  const [pattern, text] = [general.toLowerCase(), specific.toLowerCase()]
  let [at, position, starAt, resumeAt] = [0, 0, -1, 0]
  while (position < text.length) {
    if (pattern[at] === '*') {
      starAt = at++
      resumeAt = position
    } else if (pattern[at] === text[position]) {
      at++
      position++
    } else if (starAt >= 0) {
      at = starAt + 1
      position = ++resumeAt
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

/** Whether an action could exist that both patterns match. */
export function patternsOverlap(first: string, second: string): boolean {
  const [a, b] = [first.toLowerCase(), second.toLowerCase()]
  // reach[j]: the part of `a` that was read so far overlaps with the first j characters of `b`.
  let reach = Array.from({ length: b.length + 1 }, (_, j) => /^\**$/.test(b.slice(0, j)))
  for (const char of a) {
    const next = [char === '*' && reach[0]!]
    for (let j = 1; j <= b.length; j++) {
      const isWildcard = char === '*' || b[j - 1] === '*'
      next[j] = isWildcard ? reach[j]! || next[j - 1]! : char === b[j - 1] && reach[j - 1]!
    }
    reach = next
  }
  return reach[b.length]!
}

/**
 * The patterns without those that another one of them includes, sorted. Of patterns that include each other
 * the first stays.
 */
export function compactPatterns(patterns: readonly string[]): string[] {
  const distinct = [...new Set(patterns)].sort()
  return distinct.filter(
    (pattern, index) =>
      !distinct.some(
        (candidate, position) =>
          position !== index &&
          patternIncludes(candidate, pattern) &&
          (position < index || !patternIncludes(pattern, candidate)),
      ),
  )
}
