// Keys of EC2. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html

import type { ConditionContext } from '../authorization/access.ts'

/** One resource of an EC2 request, with the input of its condition keys. */
export interface Ec2Resource {
  arn: string
  /** Tags that the resource has. */
  tags?: Record<string, string>
  /** Tags that the request gives to it. */
  requestTags?: Record<string, string>
  /** The operation that creates it: `CreateVolume`. Only for `ec2:CreateTags`. */
  createAction?: string
}

export function ec2Keys(resource: Ec2Resource, region: string): ConditionContext {
  const { tags = {}, requestTags = {}, createAction } = resource
  const context: ConditionContext = { 'ec2:Region': region }
  for (const [key, value] of Object.entries(tags)) {
    context[`aws:ResourceTag/${key}`] = value
    context[`ec2:ResourceTag/${key}`] = value
  }
  for (const [key, value] of Object.entries(requestTags)) context[`aws:RequestTag/${key}`] = value
  if (Object.keys(requestTags).length > 0) context['aws:TagKeys'] = Object.keys(requestTags)
  if (createAction !== undefined) context['ec2:CreateAction'] = createAction
  return context
}
