import { describe, expect, test } from 'vitest'
import { parseOptions } from '../../../lab/bench/options.ts'

describe('the options of a measurement', () => {
  test('are everything at full size, five rounds, by themselves', () => {
    expect(parseOptions([])).toMatchObject({
      parts: ['mixed', 'tiny', 'big', 'postgres', 'history', 'complexity'],
      rounds: 5,
      mode: 'measure',
      out: undefined,
      command: 'npm run bench',
      runs: ['first', 'no-change', 'change', 'restore', 'restore-one'],
      scales: { mixed: 1, tiny: 1, big: 1, postgres: 1, history: 1, complexity: 1 },
    })
  })

  test('choose parts, runs, rounds and sizes, and remember how they were typed', () => {
    const options = parseOptions([
      '--only',
      'tiny,mixed',
      '--runs',
      'restore',
      '--rounds',
      '7',
      '--scale',
      '0.5',
      '--out',
      '/tmp/x.json',
    ])
    expect(options).toMatchObject({
      parts: ['mixed', 'tiny'],
      runs: ['restore'],
      rounds: 7,
      out: '/tmp/x.json',
    })
    expect(options.scales.tiny).toBe(0.5)
    expect(options.command).toBe(
      'npm run bench -- --only tiny,mixed --runs restore --rounds 7 --scale 0.5 --out /tmp/x.json',
    )
  })

  test('measure a tree of a million files when it is asked for, and not by themselves', () => {
    expect(parseOptions(['--quick']).parts).not.toContain('tree')
    expect(parseOptions([]).parts).not.toContain('daily')
    expect(parseOptions([]).parts).not.toContain('wal')
    expect(parseOptions(['--only', 'wal'])).toMatchObject({ parts: ['wal'], scales: { wal: 1 } })
    expect(parseOptions(['--only', 'daily'])).toMatchObject({ parts: ['daily'], scales: { daily: 1 } })
    expect(parseOptions(['--only', 'tree'])).toMatchObject({ parts: ['tree'], scales: { tree: 1 } })
  })

  test('put a link before the store of data sets', () => {
    expect(parseOptions([]).link).toBeUndefined()
    expect(parseOptions(['--only', 'random,mixed', '--link', '25ms,20MiB/s'])).toMatchObject({
      parts: ['mixed', 'random'],
      link: { delayMs: 25, bytesPerSecond: 20 * 2 ** 20, lostShare: 0 },
    })
  })

  test('have a quick form whose sizes scale too', () => {
    const quick = parseOptions(['--quick']).scales
    expect(Object.values(quick).every((scale) => scale <= 1)).toBe(true)
    expect(parseOptions(['--quick', '--scale', '0.5']).scales.big).toBe(quick.big / 2)
  })

  test.each([
    ['--only', 'everything'],
    ['--only', ''],
    ['--runs', 'first,last'],
    ['--rounds', '0'],
    ['--rounds', '1e3'],
    ['--rounds', '-1'],
    ['--scale', 'NaN'],
    ['--scale', '0'],
    ['--only', 'random', '--link', '20MiB/s'],
    ['--only', 'random,wal', '--link', '25ms'],
    ['--link', '25ms'],
    ['--unknown'],
    ['stray'],
  ])('are refused: %s %s', (...args) => {
    expect(() => parseOptions(args)).toThrow(expect.objectContaining({ code: 'invalid-input' }) as Error)
  })
})
