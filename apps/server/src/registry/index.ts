import { artifactPath, missing, versionNumber } from '@tidemark/mlflow-protocol'
import type { FastifyInstance } from 'fastify'
import type { ArtifactFile } from '../experiments/index.ts'
import { mountMlflow, queryText, sendFile } from '../experiments/index.ts'
import { type Actor, actorOf, type HttpServer, type Platform, type Queryable } from '../platform/index.ts'
import { createImportedModels } from './imports.ts'
import { modelRoutes, versionRoutes } from './mlflowRoutes.ts'
import * as purgeStore from './purgeStore.ts'
import { registryApi } from './routes.ts'
import { createService } from './service.ts'
import type { RegistryPorts } from './source.ts'
import * as store from './store.ts'
import type { ModelVersion, VersionInput } from './types.ts'
import { modelFileAmong } from './versionFiles.ts'
import * as versions from './versionStore.ts'

export type { RegistryPorts } from './source.ts'
export type { ModelVersion } from './types.ts'

/** The registry, as other modules use it. */
export function createRegistry(platform: Platform, ports: RegistryPorts) {
  const service = createService(platform, ports)

  return {
    /** A version, or null when there is none or it was deleted. */
    version(db: Queryable, workspace: string, model: string, version: number): Promise<ModelVersion | null> {
      return versions.versionByNumber(db, workspace, model, version)
    },

    /** The files of a version as they were registered, by path; the same for ever. */
    versionFiles(db: Queryable, workspace: string, model: string, version: number): Promise<ArtifactFile[]> {
      return versions.filesOfVersion(db, workspace, model, version)
    },

    /**
     * What a version's own files say of its input. @returns null when there is no such version; `no_model` when the platform holds no MLmodel file
     * of it.
     */
    async inputOf(db: Queryable, workspace: string, model: string, version: number): Promise<VersionInput | null> {
      if (!(await versions.versionByNumber(db, workspace, model, version))) return null
      const files = await versions.filesOfVersion(db, workspace, model, version)
      if (!files.some(({ path }) => path === 'MLmodel')) return { kind: 'no_model' }
      const { signature, input } = await modelFileAmong(platform.blobs, db, workspace, files)
      return { kind: 'model', columns: signature ?? [], input }
    },

    /** The version that an alias points to now; null when it points nowhere. */
    aliasVersion(db: Queryable, workspace: string, model: string, alias: string): Promise<number | null> {
      return store.aliasTarget(db, workspace, model, alias)
    },

    versionsOfRun: versions.versionsOfRun,

    /** Points an alias; again at the same version changes nothing and appends no event. */
    setAlias(actor: Actor, model: string, alias: string, version: number): Promise<number | null> {
      return service.setAlias(actor, model, alias, version)
    },

    registerCandidate: service.registerCandidate,

    /** Deletion for good, step by step; `retention` puts the steps together. */
    deletion: {
      versionsFrom: purgeStore.versionsFrom,
      heldSources: purgeStore.heldSources,
      dueVersions: purgeStore.dueVersions,
      dropVersions: purgeStore.dropVersions,
      emptyModels: purgeStore.emptyModels,
      countDue: purgeStore.countDue,
    },
    /** What comes in from another tracking server. */
    imported: createImportedModels(platform, ports),

    /** Mounts the own API. */
    routes(app: HttpServer): void {
      registryApi(app, platform, service, ports)
    },

    /** Adds the registry's part of MLflow's API to its scope. */
    mlflow(scope: FastifyInstance): void {
      mountMlflow(scope, '2.0/mlflow', { ...modelRoutes(service), ...versionRoutes(service) })
      scope.get('/model-versions/get-artifact', async (request, reply) => {
        const actor = actorOf(request)
        const path = artifactPath(queryText(request, 'path'))
        const name = queryText(request, 'name')
        const files = await service.files(actor, name, versionNumber(queryText(request, 'version')))
        const file = files.find((candidate) => candidate.path === path)
        if (!file) throw missing(`No such artifact: '${path}'`)
        return sendFile(reply, request, file, () => platform.blobs.openFile(platform.db, actor.workspace, file.digest))
      })
    },
  }
}

export type RegistryModule = ReturnType<typeof createRegistry>
