// The roles that stack sets and Identity Center make in each account that a delegated administrator of the
// organization enters.
export const delegatedRoles = {
  'stack set': { path: '/', name: 'stacksets-exec-0123456789abcdef' },
  'permission set': {
    path: '/aws-reserved/sso.amazonaws.com/',
    name: 'AWSReservedSSO_Unlisted_0123456789abcdef',
  },
} as const
