import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Secrets of others that the platform must be able to read again, encrypted in the database (AES-256-GCM). The key is not there: it is in a file
 * of the data folder that only this user reads, or comes from the environment. A backup of the database alone reveals nothing.
 */
export class Secrets {
  private readonly file: string
  private readonly given: string | undefined
  private key: Buffer | undefined

  /** @param given text of high entropy that the key is made from; the file is not used then. */
  constructor(file: string, given?: string) {
    this.file = file
    this.given = given
  }

  /** Encrypts text. `context` names what it belongs to: it cannot be decrypted as another thing's. */
  seal(text: string, context: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.theKey(), nonce).setAAD(Buffer.from(context))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()])
  }

  /** Decrypts what `seal` gave. @throws Error when the key is another, or the bytes were changed or are another thing's. */
  open(sealed: Buffer, context: string): string {
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const tag = sealed.subarray(-TAG_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', this.theKey(), nonce).setAAD(Buffer.from(context)).setAuthTag(tag)
    const text = [decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]
    return Buffer.concat(text).toString('utf8')
  }

  /** A key for one purpose, hex; the same for ever, and of no use for finding this one or that of another purpose. */
  derive(purpose: string): string {
    return Buffer.from(hkdfSync('sha256', this.theKey(), '', `tidemark ${purpose}`, 32)).toString('hex')
  }

  private theKey(): Buffer {
    this.key ??= Buffer.from(hkdfSync('sha256', this.given ?? this.fromFile(), '', 'tidemark secrets', 32))
    return this.key
  }

  /** Made on first need; of two servers that start at once both read the first one's. */
  private fromFile(): string {
    try {
      writeFileSync(this.file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true })
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    }
    return readFileSync(this.file, 'utf8').trim()
  }
}
