// Users of a kubeconfig, with the server that they belong to.
import { isLiteral } from '../naming/secret-value.ts'
import type { Rule } from './rule.ts'

export const kubeconfig: Rule = {
  keywords: ['client-key-data', 'users:', '"users"'],
  *find(text) {
    if (!/^[ \t]*"?(?:clusters|contexts)"?:/m.test(text) || !/^[ \t]*"?users"?:/m.test(text)) return
    const server = /"?server"?:[ \t]{0,4}"?https?:\/\/([\w.:-]{1,120})/.exec(text)?.[1] ?? null
    const values =
      /(?:^|[\s,{"-])(?:client-key-data|token|password|id-token|refresh-token)"?:[ \t]{0,4}"?([^\s"',}]{8,20000})/g
    for (const match of text.matchAll(values)) {
      if (!isLiteral(match[1]!)) continue
      const start = match.index + match[0].length - match[1]!.length
      yield { kind: 'kubernetes', start, end: start + match[1]!.length, owner: server }
    }
  },
}
