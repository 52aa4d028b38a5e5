import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Writes each text under its file name, and returns the paths. */
export async function writeReportFiles(
  directory: string,
  texts: Readonly<Record<string, string>>,
): Promise<string[]> {
  const folder = path.resolve(directory)
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(texts)) await writeFile(path.join(folder, name), text)
  return Object.keys(texts).map((name) => path.join(folder, name))
}
