// The account of an AWS access key, which its id carries.

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * Twelve digits; null for a key of the old form, which doesn't say. In the new one the characters after the prefix
 * are base32, and 40 of their bits are the account. https://awsteele.com/blog/2020/09/26/aws-access-key-format.html
 */
export function awsAccountOf(accessKeyId: string): string | null {
  const encoded = accessKeyId.slice(4)
  // Ids that begin so were made before March 2019.
  if (encoded.length !== 16 || encoded < 'QAAAAAAAAAAAAAAA' || /^[IJ]/.test(encoded)) return null
  let bits = 0n
  for (const character of encoded.slice(0, 10)) {
    const value = alphabet.indexOf(character)
    if (value < 0) return null
    bits = (bits << 5n) | BigInt(value)
  }
  // 50 bits: one that is always set, 40 of the account, and the beginning of the key's own.
  const account = ((bits >> 2n) & 0x7fff_ffff_ff80n) >> 7n
  return account > 999_999_999_999n ? null : account.toString().padStart(12, '0')
}
