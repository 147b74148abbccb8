import type { ActorRef, Permission } from '@tidemark/contracts'
import { PERMISSIONS } from '@tidemark/contracts'
import { PermissionDenied } from './errors.ts'

/**
 * Who acts, where, with which permissions, and because of which events. Every use case takes one, so that permission, workspace and the chain
 * of causes are never an afterthought.
 */
export class Actor {
  readonly kind: ActorRef['kind']
  readonly id: string
  readonly workspace: string
  /** Ids of the events that led to this act; written as the causes of the events it appends. */
  readonly causes: readonly string[]
  /** The id that joins all events of one chain; null begins a new chain. */
  readonly correlation: string | null
  private readonly permissions: ReadonlySet<Permission>

  constructor(fields: {
    kind: ActorRef['kind']
    id: string
    workspace: string
    permissions: Iterable<Permission>
    causes?: readonly string[]
    correlation?: string | null
  }) {
    this.kind = fields.kind
    this.id = fields.id
    this.workspace = fields.workspace
    this.permissions = new Set(fields.permissions)
    this.causes = fields.causes ?? []
    this.correlation = fields.correlation ?? null
  }

  get ref(): ActorRef {
    return { kind: this.kind, id: this.id }
  }

  /** @throws PermissionDenied when the actor may not do this; `what` names the thing for the message. */
  require(permission: Permission, what?: string): void {
    if (!this.permissions.has(permission)) throw PermissionDenied(permission, what ?? '')
  }

  may(permission: Permission): boolean {
    return this.permissions.has(permission)
  }

  /** What this actor may do, in the order of the contract. */
  get allowed(): Permission[] {
    return PERMISSIONS.filter((permission) => this.permissions.has(permission))
  }

  /** The same actor in another workspace, for the few acts that reach over all of them. */
  within(workspace: string): Actor {
    const { kind, id, permissions, causes, correlation } = this
    return new Actor({ kind, id, workspace, permissions, causes, correlation })
  }

  /** The same actor, acting because of these events. */
  because(causes: readonly string[], correlation: string): Actor {
    return new Actor({
      kind: this.kind,
      id: this.id,
      workspace: this.workspace,
      permissions: this.permissions,
      causes,
      correlation,
    })
  }
}

/** The platform itself, acting by a declared policy. `part` names the module that decides. */
export function systemActor(part: string, workspace: string): Actor {
  return new Actor({ kind: 'system', id: part, workspace, permissions: PERMISSIONS })
}

/** The person at a platform without login: loopback only, all permissions. */
export function localPerson(workspace = 'default'): Actor {
  return new Actor({ kind: 'person', id: 'local', workspace, permissions: PERMISSIONS })
}
