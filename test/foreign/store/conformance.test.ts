// The port's own suite. What VersityGW does otherwise than AWS is declared, and asserted to be just that.
import { describeObjectStore } from '../../conformance/object-store.ts'
import { openS3Target } from '../../conformance/s3-target.ts'
import { ThirdPartyVault } from './third-party-vault.ts'

const {
  gateway: { endpoint, region, credentials },
} = await ThirdPartyVault.start()

describeObjectStore('VersityGW', () =>
  openS3Target({
    endpoint,
    region,
    credentials,
    bucket: 'locked',
    deviations: ['marker-conflict', 'unlocked-by-default', 'time-moves'],
    versionsOfOneKey: 2_500,
  }),
)
