// The rules of this search, the surest first.
import { awsPairs, awsSignIn } from './aws-credentials.ts'
import { databaseCommands, databaseKeywords, databaseStatements, databaseUrls } from './database-logins.ts'
import { kubeconfig } from './kubeconfig.ts'
import { applicationKeys, ownForms, privateKeys, puttyKeys, signedTokens } from './keys-and-tokens.ts'
import {
  commandLogins,
  dockerLogins,
  headers,
  netrc,
  npmLogins,
  railwayHeaders,
  urlLogins,
} from './logins.ts'
import { railwayLogin, railwayVariables } from './railway.ts'
import type { Rule } from './rule.ts'

export const sureRules: readonly Rule[] = [
  awsPairs,
  awsSignIn,
  railwayVariables,
  railwayLogin,
  kubeconfig,
  databaseUrls,
  databaseKeywords,
  privateKeys,
  puttyKeys,
  ...ownForms,
  signedTokens,
  dockerLogins,
  npmLogins,
  netrc,
  applicationKeys,
  headers,
  railwayHeaders,
  databaseCommands,
  databaseStatements,
  commandLogins,
  urlLogins,
]
