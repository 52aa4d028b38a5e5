// Values: which of them an agent could use. A placeholder, a reference to where the secret lies, or a word
// of prose is none.
import type { NameStrength } from './secret-name.ts'
import { wordsOf } from './secret-name.ts'

/** How sure the surroundings are that the value is written here and not computed. */
export type ValueContext = 'settings' | 'code' | 'prose'

/** The secret is somewhere else: a variable, a template, a file, a store of secrets, an expression. */
const references: readonly RegExp[] = [
  // Templates and variables.
  /\$\{[^}]*\}|\$\(|^\$[A-Za-z_]\w*$|\{\{|\{%|<%|%\{|#\{|^`/,
  /^%[^%]*%$|^@[^@]*@$|^\{[^}]*\}$|^\[[^\]]*\]$|^<[^>]*>$|^\(.*\)$/,
  // Expressions of code.
  /^(?:var|local|data|module|each|self|env|process\.env|secrets?|vault|config|settings|os\.environ|os\.getenv)[.[(]/i,
  /^(?:this|ctx|props?|req|request|response|result|params?|args?|options?|opts?|state|user|session|window)[.[(]/i,
  /^(?:document|localStorage|sessionStorage|navigator|app|import\.meta)[.[(]/i,
  /^[\w.]+\(.*\);?$|=>|^\w+::\w+|^new [A-Z]|^(?:await|return|function|typeof|null|undefined) /,
  // Stores of secrets, and what they encrypted.
  /^arn:aws|^ENC\[|^ENC\(|^\$ANSIBLE_VAULT|^AQICAH|^v1:[\w+/=-]+:|^vault:|^resolve:|^!|^\*\w+$|^&\w+$/i,
  /^(?:op|vault|ref\+\w*|secret|ssm|aws|gcp|azure|sm|awssm|akv|file|env|keyring|bws|doppler|infisical|kms)[:+]\/\/?/i,
  /^projects\/|^secretKeyRef/i,
  // Paths and addresses.
  /^(?:~|\.{1,2})\/|^\/(?:[a-z0-9._@ -]+\/)*[a-z0-9._@ -]*$|^[A-Za-z]:\\/,
  /^(?:\.{0,2}\/)?[\w.-]+(?:\/[\w.-]+)*\.(?:txt|pem|key|json|ya?ml|crt|p12|pfx|jks|env|gpg|asc|cer|conf|ini|toml)$/,
  /^(?:\.{0,2}\/)?[\w.-]+(?:\/[\w.-]+)*\.(?:sh|py|[jt]sx?|rb|go|java|php|html?|md|css|svg|png)$/,
  /^(?:https?|wss?|ftp|urn|mailto|data|git|ssh):\S*$/i,
  // An escape of a terminal, a pattern.
  /\\x1b|\\033|\\e\[|\[(?:0-9|a-z|A-Z|\^)|\(\?|\\[dws][+*{]|\{\d+,\d*\}/,
  // A hash of a password doesn't open what the password opens.
  /^\$2[aby]?\$|^\$argon2|^\$[156]\$|^pbkdf2|^\{(?:SSHA|SHA|bcrypt)\}|^SCRAM-SHA-|^md5[0-9a-f]{32}$/,
  /^sha(?:256|384|512)[-:]/,
  // Public halves.
  /^(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\S+) /,
  /^-----BEGIN (?:CERTIFICATE|PUBLIC|AGE ENCRYPTED|PGP (?:PUBLIC|MESSAGE|SIGNATURE))/,
]

/** Words that a person is to replace, or that a test or a manual uses. */
const placeholderWords = new Set(
  `example examples sample placeholder changeme changeit change replace replaceme insert your yours my todo
   fixme dummy fake mock redacted removed hidden masked omitted none null nil undefined empty unset blank
   todo tbd xxx xxxx foo bar baz foobar lorem ipsum here goes`.split(/\s+/),
)
/**
 * Words that every attacker tries first, and that stand for a password in a manual: alone they are no
 * finding.
 */
const commonWords = new Set(
  `password passwort passwd pass pwd passphrase secret secrets token tokens key keys apikey api access auth
   admin administrator root user username test tests testing demo local localhost dev development default
   postgres mysql mariadb mongo mongodb redis rabbitmq guest minio minioadmin elastic changeme letmein
   qwerty welcome string str text value number boolean bool object array true false yes no on off required
   optional enabled disabled auto automatic always never hidden visible public private bearer basic jwt
   oauth oauth2 digest hmac rsa aes file env environment vault plain plaintext prompt input type name field
   header cookie query body any unknown invalid valid expired missing wrong incorrect new old current
   confirm forgot forgotten reset login signin signup database db production prod staging service client
   server app application web backend frontend the a an of and or for to in is s3cr3t p4ssw0rd passw0rd
   pa55word hunter2 sekret supersecret super mypassword mysecret something`.split(/\s+/),
)

/** Published in manuals, so that they open nothing. */
const documented =
  /EXAMPLE|550e8400-e29b-41d4-a716-446655440000|^sk_test_4eC39HqLyjWDarjt|^pk_test_TYooMQauvdEDq54NiTphI7jx|^AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY|^eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\.eyJzdWIiOiIxMjM0NTY3ODkw/

/** A secret could be used as it is: it is no reference, and no reader is to replace it. */
export function isLiteral(value: string): boolean {
  const trimmed = value.trim()
  return (
    trimmed.length >= 4 && !references.some((reference) => reference.test(trimmed)) && !isPlaceholder(trimmed)
  )
}

export function isPlaceholder(value: string): boolean {
  // Three characters repeated, or dots in place of what was cut out.
  if (new Set(value.toLowerCase()).size <= 3 && value.length >= 4) return true
  if (/\.{3}|…|\*{3}|x{5}|_{4}|•/i.test(value)) return true
  if (documented.test(value)) return true
  // A key of 32 characters works as one, even if it is easily guessed.
  if (value.length < 32 && /^(?:1234|0123|abcd|qwer|asdf|deadbeef|0000)/i.test(value) && isSequence(value))
    return true
  const words = wordsOf(value)
  // A random value has `My` somewhere by chance, and rarely between two signs.
  const separated = new Set(value.toLowerCase().split(/[^a-z0-9]+/))
  return (
    words.some((word) => placeholderWords.has(word) && (word.length > 3 || separated.has(word))) ||
    words.every((word) => isCommon(word))
  )
}

/** `1234567890abcdef` and the like: each character follows the one before it. */
function isSequence(value: string): boolean {
  let steps = 0
  for (let index = 1; index < value.length; index++) {
    const step = value.charCodeAt(index) - value.charCodeAt(index - 1)
    if (step === 0 || step === 1) steps++
  }
  return steps >= 0.75 * (value.length - 1) || /^(?:deadbeef)+$/i.test(value)
}

function isCommon(word: string): boolean {
  return commonWords.has(word) || commonWords.has(word.replace(/\d+$/, '')) || /^\d{1,4}$/.test(word)
}

/** Whether an agent could use a value, which a name of this strength has. */
export function isUsable(value: string, strength: NameStrength, context: ValueContext): boolean {
  if (!isLiteral(value)) return false
  if (strength === 'password') return isPassword(value, context)
  // A name in prose or in code has many other uses.
  return isRandom(value, strength === 'token' && context === 'settings' ? 12 : 16)
}

function isPassword(value: string, context: ValueContext): boolean {
  if (value.length < 5 || value.length > 500) return false
  const hasSpaces = /\s/.test(value)
  const isMixed =
    /[0-9]/.test(value) || (/[a-z]/.test(value) && /[A-Z]/.test(value)) || /[^\w\s.:/-]/.test(value)
  if (context !== 'settings') return !hasSpaces && isUnusualPassword(value)
  if (hasSpaces) return isPhrase(value)
  // `rental-postgres-credentials` is the name of an object, and `correcthorse` a password.
  return isMixed ? !isIdentifier(value) : value.length >= 8 && !/[-_./:]/.test(value)
}

/** In code and prose, most passwords are examples, and say so. */
function isUnusualPassword(value: string): boolean {
  return (
    value.length >= 8 &&
    /[0-9]/.test(value) &&
    !isIdentifier(value) &&
    !/pass|secret|example|sample|test|demo|characters|chars|must|pwd/i.test(value)
  )
}

/**
 * `correct horse battery staple`, or what a mail provider gives out in groups; a sentence has short words
 * and signs.
 */
function isPhrase(value: string): boolean {
  const words = value.split(/\s+/)
  const isGroups = words.length >= 3 && words.every((word) => word.length === words[0]!.length)
  const isWords = words.length >= 3 && words.every((word) => /^[a-z]{3,12}$/.test(word) && !isCommon(word))
  const hasRandomWord = words.some((word) => /[0-9]/.test(word) && /[a-z]/i.test(word))
  return isGroups || isWords || (hasRandomWord && words.length <= 4)
}

const wordWithDigit = /^(?:k8s|i18n|l10n|a11y|x509|oauth2|s3|ec2|utf8|sha\d|base64|md5|b64)/

/**
 * Words joined by signs or capitals, as programs name things: `accessTokenValue`, `twelve-characters`,
 * `FORM.password`.
 */
function isIdentifier(value: string): boolean {
  const bare = value.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
  if (!/^[A-Za-z][\w.:/-]*$/.test(bare) || (bare.match(/[0-9]+/g) ?? []).length > 2) return false
  const words = wordsOf(bare)
  if (words.length === 1 && /[0-9]/.test(bare)) return false
  // `tahdnRNYIBuecY6p`: no word of a program has a digit within, but for a few.
  if (words.some((word) => /[a-z]\d+[a-z]/.test(word) && !wordWithDigit.test(word))) return false
  const length = words.join('').length
  const readable = words.filter((word) => /^[a-z]{2,}\d{0,2}$/.test(word) && isPronounceable(word))
  return readable.join('').length >= 0.7 * length && length / words.length >= 3.5
}

/** Vowels and consonants take turns as in a word. */
function isPronounceable(word: string): boolean {
  const letters = word.replace(/\d+$/, '')
  return (
    /[aeiouy]/.test(letters) && !/[^aeiouy]{5}|[aeiou]{4}|q[^u]|[jz][^aeiouyz]|x[^aeiouyctp]/.test(letters)
  )
}

/** Characters of a random value, not of a word: enough of them, of more than one sort, and spread. */
export function isRandom(value: string, minLength = 16): boolean {
  if (value.length < minLength || /\s/.test(value) || isIdentifier(value.replace(/\d{1,2}$/, '')))
    return false
  if (/^[0-9a-f-]+$/i.test(value)) return isHexadecimal(value)
  if (!/[0-9]/.test(value) && !(/[a-z]/.test(value) && /[A-Z]/.test(value) && value.length >= 24))
    return false
  if (!/[A-Za-z]/.test(value)) return false
  return entropyOf(value) >= (value.length >= 20 ? 3.2 : 2.9)
}

function isHexadecimal(value: string): boolean {
  const digits = value.replaceAll('-', '')
  // A date or a number has no letters; a UUID of version 4 or 7 has 32 digits.
  return digits.length >= 16 && /[a-f]/i.test(digits) && /[0-9]/.test(digits) && entropyOf(digits) >= 2.5
}

/** Shannon entropy, in bits for each character. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let entropy = 0
  for (const count of counts.values()) entropy -= (count / text.length) * Math.log2(count / text.length)
  return entropy
}
