// The sources of the working tree, each with its measures.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { measure } from './measures.ts'
import type { Measures } from './measures.ts'

const root = resolve(import.meta.dirname, '../..')

export function readTree(): { file: string; text: string; measures: Measures }[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
    cwd: root,
    encoding: 'utf8',
  })
  return listed
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)))
    .map((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      return { file, text, measures: measure(file, text) }
    })
}
