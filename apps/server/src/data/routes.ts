import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { data as contract, type JsonValue } from '@tidemark/contracts'
import { z } from 'zod'
import { actorOf, type HttpServer, mount, parsePart } from '../platform/index.ts'
import { versionReply } from './reply.ts'
import type { Data } from './service.ts'

const Download = z.object({ format: z.enum(['parquet', 'csv', 'ndjson']).default('parquet') })
const MEDIA_TYPES = {
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
} as const

/** Mounts the own API of datasets. */
export function dataRoutes(app: HttpServer, data: Data, db: Parameters<Data['version']>[0]): void {
  mount(app, contract.listDatasets, async (_input, { actor }) => ({ datasets: await data.list(actor) }))
  mount(app, contract.defineDataset, async ({ body }, { actor }) => data.define(actor, body))
  mount(app, contract.getDataset, async ({ params }, { actor }) => data.get(actor, params.dataset))
  mount(app, contract.appendRows, async ({ params, body }, { actor }) =>
    data.append(actor, params.dataset, body.rows, body.source),
  )
  mount(app, contract.listVersions, async ({ params, query }, { actor }) => data.versions(actor, params.dataset, query))
  mount(app, contract.getVersion, async ({ params }, { actor }) =>
    versionReply(await data.version(db, actor.workspace, params.dataset, params.version)),
  )
  mount(app, contract.listRows, async ({ params, query }, { actor }) =>
    data.rows<Record<string, JsonValue>>(actor, params.dataset, params.version, {
      ...query,
      orderBy: query.orderBy,
    }),
  )
  mount(app, contract.getProfile, async ({ params }, { actor }) =>
    data.profile(actor.workspace, params.dataset, params.version),
  )
  mount(app, contract.listQuarantine, async ({ params, query }, { actor }) =>
    data.quarantine(actor, params.dataset, { ...query, rule: query.rule }),
  )
  mount(app, contract.settleQuarantine, async ({ params, body }, { actor }) =>
    data.settle(actor, params.dataset, body.ids, body.decision, body.reason),
  )

  // A file, not JSON: outside the contract's replies.
  const readable = { config: { permission: 'data.read' } } as const
  app.get('/api/v1/datasets/:dataset/versions/:version/download', readable, async (request, reply) => {
    const actor = actorOf(request)
    const { dataset, version: choice } = parsePart(contract.getVersion.params, request.params, 'path')
    const { format } = parsePart(Download, request.query, 'query')
    const version = await data.version(db, actor.workspace, dataset, choice)
    const folder = await data.temporaryFolder()
    try {
      const file = join(folder.path, `rows.${format}`)
      await data.exportTo(version, file, format)
      const stream = createReadStream(file)
      stream.once('close', () => void folder.remove())
      return await reply
        .type(MEDIA_TYPES[format])
        .header('content-disposition', `attachment; filename="${dataset}-${version.version}.${format}"`)
        .send(stream)
    } catch (error) {
      await folder.remove()
      throw error
    }
  })
}
