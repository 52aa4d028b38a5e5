// Settings of Java's .properties files.
import { Pair, parseLines } from 'dot-properties'
import type { Setting } from './setting.ts'

export function readProperties(text: string): Setting[] {
  return parseLines(text, true).flatMap((node) => {
    if (!(node instanceof Pair)) return []
    const [, , start, end] = node.range as [number, number, number, number]
    return [{ path: [node.key], value: node.value, start, end }]
  })
}
