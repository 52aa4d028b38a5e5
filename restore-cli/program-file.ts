// The file of the whole command, for a process that starts it again.
import { fileURLToPath } from 'node:url'

/**
 * Named by its folder, because a bundler may move this code into a shared file of another folder. Every folder of the
 * published form lies beside `restore-cli`.
 */
export function programFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../restore-cli/main.${extension}`, import.meta.url))
}
