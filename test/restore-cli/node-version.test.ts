import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { exitStatus } from '../../core/errors.ts'
import {
  isSupportedNode,
  oldNodeMessage,
  oldNodeStatus,
  supportedNode,
} from '../../restore-cli/node-version.ts'
import { loadedBy } from './loaded-modules.ts'

test.each([
  ['18.20.8', false],
  ['20.20.2', false],
  ['22.20.0', false],
  ['22.21.0', true],
  ['23.11.0', false],
  ['24.11.9', false],
  ['24.12.0', true],
  ['25.2.0', false],
  ['26.0.0', true],
  ['31.4.0', true],
])('Node %s: %s', (version, isSupported) => expect(isSupportedNode(version)).toBe(isSupported))

test('the message names the version that runs, those that it may be, and what to do', () =>
  expect(oldNodeMessage('20.20.2')).toBe(
    'error: this is Node 20.20.2, and Holdfast needs one of 22.21, 24.12, 26.0 or later: put such a node first in PATH\n',
  ))

test('npm refuses the same versions, and the status is that of invalid input', () => {
  const { engines } = JSON.parse(
    readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8'),
  ) as { engines: { node: string } }
  const last = supportedNode.at(-1)!
  expect(engines.node).toBe(
    supportedNode
      .map(([major, minor]) => (major === last[0] ? `>=${major}` : `^${major}.${minor}`))
      .join(' || '),
  )
  expect(oldNodeStatus).toBe(exitStatus['invalid-input'])
})

test.each(['main', 'restore-main'])(
  '%s loads nothing before the version is checked, because an older Node fails at its imports',
  (entry) => {
    const room = resolve(import.meta.dirname, '../../restore-cli')
    expect(loadedBy([resolve(room, `${entry}.ts`)], { withDynamic: false })).toEqual({
      files: [`${entry}.ts`, 'node-version.ts', 'quiet-warnings.ts'].map((file) => resolve(room, file)),
      packages: [],
    })
  },
)
