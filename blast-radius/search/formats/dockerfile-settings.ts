// Settings of a Dockerfile: what ENV, ARG and LABEL set.
import { DockerfileParser } from 'dockerfile-ast'
import type { Property } from 'dockerfile-ast'
import type { Setting } from './setting.ts'

export function readDockerfile(text: string): Setting[] {
  const lineStarts = [0]
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lineStarts.push(end + 1)
  return DockerfileParser.parse(text)
    .getInstructions()
    .flatMap((instruction) =>
      'getProperties' in instruction ? (instruction.getProperties as () => Property[])() : [],
    )
    .flatMap((property) => {
      const range = property.getValueRange()
      const value = property.getValue()
      if (range === null || value === null) return []
      const [start, end] = [range.start, range.end].map(
        ({ line, character }) => lineStarts[line]! + character,
      )
      return [{ path: [property.getName()], value, start: start!, end: end! }]
    })
}
