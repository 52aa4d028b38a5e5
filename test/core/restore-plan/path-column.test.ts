import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PathColumn } from '../../../core/restore-plan/path-column.ts'
import { seededRandom } from '../../fixtures/manual-clock.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

function columnOf(paths: readonly Buffer[]): PathColumn {
  const column = new PathColumn()
  for (const path of paths) column.push(path)
  return column
}

/** As text, which fails with a readable difference. */
function textOf(paths: readonly Buffer[]): string[] {
  return paths.map((path) => path.toString('latin1'))
}

describe('a column of paths', () => {
  test('gives each path back, in whatever order they are asked for', () => {
    // Few characters, so that paths share much; any order, as the targets of links have none.
    const path = fc
      .array(fc.constantFrom(0x2f, 0x61, 0x62, 0xff), { maxLength: 300 })
      .map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(
        fc.array(path, { maxLength: 100 }),
        fc.array(fc.nat(99), { maxLength: 100 }),
        (paths, order) => {
          const column = columnOf(paths)
          const numbers = order.filter((number) => number < paths.length)
          expect(column.length).toBe(paths.length)
          expect(textOf(numbers.map((number) => column.at(number)))).toEqual(
            textOf(numbers.map((number) => paths[number]!)),
          )
        },
      ),
      { numRuns: propertyRuns },
    )
  })

  test('keeps 100,000 paths in many segments, in a third of their bytes', () => {
    const paths = Array.from({ length: 100_000 }, (_, number) =>
      Buffer.from(`var/lib/rental/uploads/${Math.floor(number / 500)}/photograph-${number}.jpeg`),
    )
    const before = process.memoryUsage().arrayBuffers
    const column = columnOf(paths)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(
      paths.reduce((sum, path) => sum + path.length, 0) / 3,
    )
    for (const [number, path] of paths.entries())
      if (!column.at(number).equals(path))
        throw new Error(`path ${number} is ${column.at(number).toString()}`)
    const random = seededRandom(3)
    for (let count = 0; count < 10_000; count++) {
      const number = Math.floor(random() * paths.length)
      if (!column.at(number).equals(paths[number]!))
        throw new Error(`path ${number} is ${column.at(number).toString()}`)
    }
  })

  test('holds the root, the longest paths, and names that are not UTF-8', () => {
    const long = Buffer.alloc(65_535, 'x')
    const paths = [
      Buffer.alloc(0),
      Buffer.from([0xff, 0xfe, 0x80]),
      ...[253, 254, 255, 256, 257].map((bytes) => Buffer.alloc(bytes, 'l')),
      long,
      Buffer.from(long).fill('y', 65_534),
      Buffer.alloc(65_535, 'z'),
      Buffer.alloc(0),
      long,
      Buffer.from(long).fill('y', 255),
      Buffer.from(long).fill('y', 254),
    ]
    const column = columnOf(paths)
    for (const [number, path] of [...paths.entries(), ...[...paths.entries()].reverse()])
      expect(column.at(number).equals(path)).toBe(true)
  })

  test('gives paths away that may be changed', () => {
    const column = columnOf([Buffer.from('shared/a'), Buffer.from('shared/b')])
    column.at(0).fill('x')
    expect(textOf([column.at(1), column.at(0)])).toEqual(['shared/b', 'shared/a'])
  })

  test('goes on growing after it was read', () => {
    const column = columnOf([Buffer.from('a')])
    expect(column.at(0).toString()).toBe('a')
    column.push(Buffer.from('a/b'))
    expect(textOf([column.at(1), column.at(0)])).toEqual(['a/b', 'a'])
  })

  test.each([-1, 1, 16])('has no path %i if it has one', (number) => {
    expect(() => columnOf([Buffer.from('a')]).at(number)).toThrow(RangeError)
  })
})
