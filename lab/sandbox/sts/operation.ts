// The signature of an operation of the token service.

import type { IssuerKeys } from '../oidc/issuer-keys.ts'
import type { ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import type { Form } from './form.ts'
import type { SecondFactors } from './second-factor.ts'

/** The parts of the token service that its operations share. */
export interface StsContext {
  host: ServiceHost
  issuerKeys: IssuerKeys
  secondFactors: SecondFactors
}

export type Operation = (context: StsContext, request: ServiceRequest, form: Form) => Promise<ServiceReply>
