import { workspaceChanged, workspaceCreated, workspaceDeleted } from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform, sql, type Tx } from '../../platform/index.ts'
import { FreshMap } from '../credentials/freshMap.ts'
import { CHANNEL } from '../credentials/principals.ts'
import { permissionsIn } from '../decide.ts'
import { WorkspaceExists, WorkspaceUnknown } from '../errors.ts'
import { EVERYWHERE, type Principal } from '../types.ts'
import type { WorkspaceRow } from './store.ts'
import * as store from './store.ts'

/** What other modules do when a workspace opens or closes. */
export interface WorkspacePorts {
  /** Makes its experiment "Default". */
  open(tx: Tx, workspace: string): Promise<void>
  /** Takes what `open` made, unless somebody used it. */
  close(tx: Tx, workspace: string): Promise<void>
}

const BELIEVED_MS = 30_000

/** Workspaces: what is in one is neither seen nor changed from another. */
export class Workspaces {
  private readonly platform: Platform
  private readonly ports: WorkspacePorts
  private readonly known: FreshMap<boolean>

  constructor(platform: Platform, ports: WorkspacePorts) {
    this.platform = platform
    this.ports = ports
    this.known = new FreshMap(platform.clock, BELIEVED_MS)
    platform.live.listen(CHANNEL, () => this.known.clear())
  }

  exists(name: string): boolean | Promise<boolean> {
    return this.known.get(name) ?? this.look(name)
  }

  private async look(name: string): Promise<boolean> {
    const keep = this.known.keeper(name)
    const exists = (await store.workspaceByName(this.platform.db, name)) !== null
    // Only what is there is kept: the names that are not are without end.
    if (exists) keep(true)
    return exists
  }

  /** The workspaces that somebody may see, by name. */
  async list(principal: Principal): Promise<WorkspaceRow[]> {
    const all = await store.allWorkspaces(this.platform.db)
    return all.filter(({ name }) => permissionsIn(name, principal.memberships, principal.only).size > 0)
  }

  /** @throws WorkspaceUnknown also for one that the asker may not see */
  async get(principal: Principal, name: string): Promise<WorkspaceRow> {
    const found = (await this.list(principal)).find((workspace) => workspace.name === name)
    if (!found) throw WorkspaceUnknown(name)
    return found
  }

  /** Makes a workspace with its "Default" experiment. */
  async create(actor: Actor, name: string, description: string): Promise<WorkspaceRow> {
    actor.require('workspaces.manage', name)
    return this.changing(async (tx) => {
      const made = await store.addWorkspace(tx, name, description)
      if (!made) throw WorkspaceExists(name)
      await this.ports.open(tx, name)
      await this.platform.events.append(tx, actor.within(name), workspaceCreated, { workspace: name })
      return made
    })
  }

  async describe(actor: Actor, name: string, description: string): Promise<WorkspaceRow> {
    actor.require('workspaces.manage', name)
    return this.changing(async (tx) => {
      const changed = await store.describeWorkspace(tx, name, description)
      if (!changed) throw WorkspaceUnknown(name)
      await this.platform.events.append(tx, actor.within(name), workspaceChanged, { workspace: name })
      return changed
    })
  }

  /**
   * Deletes an empty workspace.
   * @returns the first table that still holds something of it, when it was not empty and therefore stays; null when it is gone
   */
  async remove(actor: Actor, name: string): Promise<{ table: string; rows: number } | null> {
    actor.require('workspaces.manage', name)
    try {
      await this.changing(async (tx) => {
        if (!(await store.workspaceByName(tx, name))) throw WorkspaceUnknown(name)
        await this.ports.close(tx, name)
        const [left] = await store.contentsOf(tx, name)
        if (left) throw new NotEmpty(left)
        await store.removeWorkspace(tx, name)
        await this.platform.events.append(tx, actor.within(name), workspaceDeleted, { workspace: name })
      })
      return null
    } catch (error) {
      if (error instanceof NotEmpty) return error.left
      throw error
    }
  }

  private async changing<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const done = await inTransaction(this.platform.db, async (tx) => {
      const result = await work(tx)
      await sql`select pg_notify(${CHANNEL}, '')`.execute(tx)
      return result
    })
    this.known.clear()
    return done
  }
}

class NotEmpty extends Error {
  readonly left: { table: string; rows: number }

  constructor(left: { table: string; rows: number }) {
    super('The workspace is not empty.')
    this.left = left
  }
}

/** Whether somebody is an admin of the platform. */
export function isAdmin({ memberships }: Pick<Principal, 'memberships'>): boolean {
  return memberships.some(({ workspace }) => workspace === EVERYWHERE)
}
