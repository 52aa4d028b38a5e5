// The entry point of `holdfast wal-push`, started by bin/holdfast. PostgreSQL runs the command for each segment, so
// that its start is most of its cost. If a resident process serves the command line, nothing else is loaded; else the
// whole command does the work, and leaves a resident process for the next one.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { askResident } from './resident-client.ts'
import { pushSocket } from './wal-socket.ts'

interface Reply {
  result?: { file: string; warning: string | null }
}

/** @returns false if the whole command must do the work. */
async function pushByResident([file, ...options]: readonly string[]): Promise<boolean> {
  if (file === undefined || file.startsWith('-') || options.includes('--json')) return false
  const reply = (await askResident(pushSocket(process.env, options), { file: resolve(file) })) as Reply | null
  const { result } = reply ?? {}
  // Only the whole command can show a warning or an error as it must be shown.
  return result !== undefined && result.warning === null
}

const args = process.argv.slice(2)
if (!(await pushByResident(args))) {
  // A literal name, so that the bundle keeps the two apart.
  const main = new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url)
  process.argv.splice(1, process.argv.length, fileURLToPath(main), 'wal-push', ...args)
  await import(main.href)
}
