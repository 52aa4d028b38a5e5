// The section or block that a line lies in: it tells whose `token` or `key` it is.

const maxDistance = 4000

/** `[section]` in INI, `provider "name" {` in HCL. */
export function enclosingNames(text: string, index: number, isHcl: boolean): string[] {
  const before = text.slice(Math.max(0, index - maxDistance), index)
  const headings = isHcl
    ? before.matchAll(
        /^[ \t]{0,8}(\w{1,40})(?:[ \t]+"([\w.-]{1,80})")?(?:[ \t]+"([\w.-]{1,80})")?[ \t]*\{[ \t]*$/gm,
      )
    : before.matchAll(/^[ \t]{0,8}\[+([^\]\n]{1,80})\]+[ \t\r]*$/gm)
  const last = [...headings].at(-1)
  return last === undefined ? [] : last.slice(1).filter((name) => name !== undefined && name !== '')
}
