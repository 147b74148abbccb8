import type { ActorRef, Permission, Role } from '@tidemark/contracts'

/** Every workspace: where the admins of the platform are members. */
export const EVERYWHERE = '*'
export const DEFAULT_WORKSPACE = 'default'

export interface Membership {
  readonly workspace: string
  readonly role: Role
}

/** Somebody whose credentials held. */
export interface Principal {
  readonly kind: ActorRef['kind']
  /** As events name them: never a person's name. */
  readonly id: string
  readonly name: string
  readonly memberships: readonly Membership[]
  /** Only these of what the roles allow; null: all. */
  readonly only: ReadonlySet<Permission> | null
  /** Where one acts who names no workspace. */
  readonly home: string
  /** From then on the credentials are void, however good; null: until they are changed. */
  readonly voidAt: Date | null
}

export interface PersonRow {
  readonly id: string
  readonly number: number
  readonly name: string
  readonly passwordHash: string
  readonly createdAt: Date
  readonly memberships: readonly Membership[]
}

export interface TokenRow {
  readonly id: string
  readonly name: string
  readonly workspace: string
  readonly role: Role
  readonly permissions: readonly Permission[] | null
  /** Only for predictions of these endpoints; null: of all in its workspace. */
  readonly endpoints: readonly string[] | null
  readonly person: string | null
  readonly createdBy: string
  readonly first: boolean
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly revokedAt: Date | null
  readonly lastUsedAt: Date | null
}
