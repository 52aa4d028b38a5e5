// The kinds of credential that a search tells apart, what each could destroy, and the words by which it is
// known.
import { awsKinds } from './kinds/aws.ts'
import { deliveryKinds } from './kinds/code-and-delivery.ts'
import type { CredentialKind } from './kinds/credential-kind.ts'
import { dataKinds } from './kinds/data-and-services.ts'
import { platformKinds } from './kinds/platforms.ts'
import { wordsOf } from './naming/secret-name.ts'

export const credentialKinds = { ...awsKinds, ...platformKinds, ...deliveryKinds, ...dataKinds }

export type KindName = keyof typeof credentialKinds

const kindOfWord = new Map<string, KindName>()
for (const [kind, { words }] of Object.entries(credentialKinds) as [KindName, CredentialKind][])
  for (const word of words) if (!kindOfWord.has(word)) kindOfWord.set(word, kind)

/** The kind that the first of the text's words belongs to; null if none does. */
export function kindOf(text: string): KindName | null {
  for (const word of wordsOf(text)) {
    const kind = kindOfWord.get(word)
    if (kind !== undefined) return kind
  }
  return null
}
