import { TidemarkError } from '@tidemark/contracts'
import { exists, invalid, MlflowError, requests, unlessEmpty } from '@tidemark/mlflow-protocol'
import type { FastifyInstance } from 'fastify'
import { type MlflowRoutes, mountMlflow } from '../../experiments/index.ts'
import { workspaceNameProblem } from '../decide.ts'
import type { Door } from '../door.ts'
import { DEFAULT_WORKSPACE } from '../types.ts'
import type { Workspaces } from './service.ts'
import type { WorkspaceRow } from './store.ts'

const MODES = ['SET_DEFAULT', 'CASCADE', 'RESTRICT'] as const

/** Workspaces of MLflow's REST API. */
export function workspaceRoutes(scope: FastifyInstance, workspaces: Workspaces, door: Door): void {
  const read: MlflowRoutes = {
    'GET workspaces': async ({ request }) =>
      unlessEmpty('workspaces', (await workspaces.list(await door.principalOf(request))).map(wire)),
    'GET workspaces/:workspace': async ({ params, request }) => {
      const name = checked(params.workspace)
      return { workspace: wire(await workspaces.get(await door.principalOf(request), name)) }
    },
  }
  const manage: MlflowRoutes = {
    'POST workspaces': async (call) => {
      const asked = call.read(requests.CreateWorkspace)
      if (asked.name === DEFAULT_WORKSPACE) throw invalid("The 'default' workspace is reserved and cannot be created")
      checked(asked.name)
      refuseElsewhere(asked)
      try {
        const made = await workspaces.create(call.actor, asked.name, asked.description ?? '')
        call.reply.code(201)
        return { workspace: wire(made) }
      } catch (error) {
        if (error instanceof TidemarkError && error.code === 'WORKSPACE_EXISTS')
          throw exists(`Workspace '${asked.name}' already exists.`)
        throw error
      }
    },
    'PATCH workspaces/:workspace': async (call) => {
      const name = checked(call.params.workspace)
      const asked = call.read(requests.UpdateWorkspace)
      refuseElsewhere(asked)
      if (asked.description === undefined) throw invalid('Workspace update must have at least one key')
      return { workspace: wire(await workspaces.describe(call.actor, name, asked.description)) }
    },
    'DELETE workspaces/:workspace': async (call) => {
      const name = call.params.workspace ?? ''
      if (name === DEFAULT_WORKSPACE) throw invalid("The 'default' workspace is reserved and cannot be deleted")
      checked(name)
      const mode = call.query.mode ?? 'RESTRICT'
      if (!MODES.some((known) => known === mode))
        throw invalid(`Invalid deletion mode '${mode}'. Must be one of: ${MODES.join(', ')}`)
      if (mode !== 'RESTRICT') {
        throw new MlflowError(
          'NOT_IMPLEMENTED',
          `The mode ${mode} of deleting a workspace is not part of this release of Tidemark: delete what is in it, then the workspace.`,
        )
      }
      const left = await workspaces.remove(call.actor, name)
      if (left) {
        throw new MlflowError(
          'INVALID_STATE',
          `Cannot delete workspace '${name}': table '${left.table}' still contains ${left.rows} resource(s). Remove or reassign them before deleting the workspace.`,
        )
      }
      call.reply.code(204)
      return null
    },
  }
  mountMlflow(scope, '3.0/mlflow', read, { access: 'signed-in' })
  mountMlflow(scope, '3.0/mlflow', manage, { permission: 'workspaces.manage' })
}

function checked(name = ''): string {
  const problem = name === DEFAULT_WORKSPACE ? null : workspaceNameProblem(name)
  if (problem) throw invalid(problem)
  return name
}

/** Artifacts and traces of a workspace lie where all of the server's do. */
function refuseElsewhere(asked: { default_artifact_root?: string | undefined; trace_archival_config?: unknown }): void {
  if (asked.default_artifact_root?.trim()) {
    throw invalid(
      "'default_artifact_root' cannot be set: this server keeps the artifacts of every workspace itself, apart from each other.",
    )
  }
  if (asked.trace_archival_config !== undefined)
    throw invalid("'trace_archival_config' cannot be set: this server does not archive traces.")
}

const wire = ({ name, description }: WorkspaceRow) => ({ name, ...(description === '' ? {} : { description }) })
