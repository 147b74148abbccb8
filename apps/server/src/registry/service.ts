import { candidateRegistered, type EventRecord, parseModelVersionRef, pipelineSucceeded } from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform } from '../platform/index.ts'
import { createAliases } from './aliases.ts'
import { versionNumbered } from './lookup.ts'
import { createModels } from './models.ts'
import type { RegistryPorts } from './source.ts'
import * as versionStore from './versionStore.ts'
import { createVersions } from './versions.ts'

export type Registry = ReturnType<typeof createService>

/** The model registry: names, versions whose files never change, aliases whose history is kept. */
export function createService(platform: Platform, ports: RegistryPorts) {
  const { db, events } = platform

  return {
    ...createModels(platform),
    ...createVersions(platform, ports),
    ...createAliases(platform),

    /** A retraining's version becomes a candidate for its endpoint, once. Other pipeline runs, and those without a version, change nothing. */
    async registerCandidate(actor: Actor, event: Pick<EventRecord, 'payload'>): Promise<void> {
      const { run, purpose, endpoint, modelVersion } = pipelineSucceeded.payload.parse(event.payload)
      if (purpose !== 'retraining' || endpoint === null || modelVersion === null) return
      const { model: name, version: number } = parseModelVersionRef(modelVersion)
      await inTransaction(db, async (tx) => {
        await versionNumbered(tx, actor.workspace, name, number)
        const candidate = { pipelineRun: run, model: name, version: number, endpoint }
        if (!(await versionStore.addCandidate(tx, actor.workspace, candidate))) return
        await events.append(tx, actor, candidateRegistered, {
          model: name,
          version: number,
          endpoint,
          pipelineRun: run,
        })
      })
    },
  }
}
