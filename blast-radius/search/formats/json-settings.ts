// Settings of JSON, also with comments, and of what is left of a truncated document.
import { visit } from 'jsonc-parser'
import type { Setting } from './setting.ts'

/** Deeper than any file that a person wrote. */
const maxDepth = 200

export function readJson(text: string): Setting[] {
  const settings: Setting[] = []
  // One entry for each level: the name in an object, the position in an array.
  const path: (string | number)[] = []
  const isArray: boolean[] = []
  const step = (): void => {
    const level = path.length - 1
    if (isArray[level] === true) path[level] = (path[level] as number) + 1
  }
  const open = (array: boolean): void => {
    step()
    isArray.push(array)
    path.push(array ? -1 : '')
  }
  const close = (): void => {
    isArray.pop()
    path.pop()
  }
  visit(
    text,
    {
      onObjectBegin: () => (open(false), path.length < maxDepth),
      onObjectEnd: close,
      onArrayBegin: () => (open(true), path.length < maxDepth),
      onArrayEnd: close,
      onObjectProperty: (name) => void (path[path.length - 1] = name),
      onLiteralValue: (value: unknown, offset, length) => {
        step()
        if (typeof value !== 'string') return
        settings.push({ path: path.map(String), value, start: offset + 1, end: offset + length - 1 })
      },
    },
    { allowTrailingComma: true },
  )
  return settings
}
