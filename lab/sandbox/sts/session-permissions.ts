// What one request for a role asks to be allowed: up to three permissions, each with the whole context.

/** The actions to ask for beside `base`, where a source identity or tags come along, be they asked for or inherited. */
export function listPermissions(base: string, sourceIdentity: unknown, tags: object): string[] {
  const actions = [base]
  if (typeof sourceIdentity === 'string') actions.push('sts:SetSourceIdentity')
  if (Object.keys(tags).length > 0) actions.push('sts:TagSession')
  return actions
}
