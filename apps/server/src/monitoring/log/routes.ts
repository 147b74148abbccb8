import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { monitoring as contract, erasures, PredictionFilter } from '@tidemark/contracts'
import type { z } from 'zod'
import { entityOf } from '../../platform/folds.ts'
import { actorOf, type HttpServer, mount, type Platform, parsePart, type Queryable } from '../../platform/index.ts'
import { EndpointNotMonitored, PredictionNotFound } from '../errors.ts'
import { currentValues } from '../labels/store.ts'
import type { MonitoredEndpoint } from '../types.ts'
import type { Archive } from './archive/archive.ts'
import type { Erasure } from './archive/erasure.ts'
import { type Filter, readCondition } from './archive/filter.ts'
import { hashedCaller } from './archive/subject.ts'
import type { LogList } from './list.ts'
import type { LogLookup } from './lookup.ts'

export interface LogRouteParts {
  readonly lookup: LogLookup
  readonly list: LogList
  readonly erasure: Erasure
  readonly archive: Archive
  readonly logKey: () => string
  readonly endpoint: (db: Queryable, workspace: string, name: string) => Promise<MonitoredEndpoint | null>
}

type Asked = z.output<typeof PredictionFilter> & { cursor?: string | undefined }

/** The prediction log's part of the own API: rows with filters, one prediction, export, erasure. */
export function logRoutes(app: HttpServer, platform: Platform, parts: LogRouteParts): void {
  const { db } = platform
  const { lookup, list, erasure } = parts

  /** @throws EndpointNotMonitored, ConditionUnreadable */
  const filterOf = async (workspace: string, name: string, asked: Asked): Promise<Filter> => {
    const endpoint = await parts.endpoint(db, workspace, name)
    if (!endpoint) throw EndpointNotMonitored(name)
    const { from, to, version, caller, entity, outcome, where, cursor } = asked
    const [id, row] = cursor?.split(':') ?? []
    return {
      from: from === undefined ? undefined : Date.parse(from),
      to: to === undefined ? undefined : Date.parse(to),
      version: version === undefined ? undefined : `${endpoint.model}/${version}`,
      callers: caller === undefined ? undefined : [caller, hashedCaller(parts.logKey(), workspace, caller)],
      entity,
      outcome,
      where: where.map(readCondition),
      after: id === undefined ? undefined : { id, row: Number(row) },
    }
  }

  mount(app, contract.listPredictions, async ({ params, query }, { actor }) => {
    const { workspace } = actor
    const filter = await filterOf(workspace, params.endpoint, query)
    // One more than is shown tells whether there is a next page.
    const rows = await list.page(db, { workspace, endpoint: params.endpoint }, filter, query.limit + 1)
    const shown = rows.slice(0, query.limit)
    const last = rows.length > query.limit ? shown.at(-1) : undefined
    return { predictions: shown, nextCursor: last ? `${last.id}:${last.row}` : null }
  })

  mount(app, contract.getPrediction, async ({ params }, { actor }) => {
    const prediction = await lookup.find(db, actor.workspace, params.id)
    if (!prediction) throw PredictionNotFound(params.id)
    const { answer } = prediction
    const things = answer.rows.map((_, row) => entityOf(answer, row))
    const labels = await currentValues(db, { workspace: actor.workspace, endpoint: answer.endpoint }, things)
    return { ...prediction, labels: things.map((thing) => labels.get(thing) ?? null) }
  })

  // A file, not JSON: outside the contract's replies.
  const readable = { config: { permission: 'monitoring.read' } } as const
  app.get('/api/v1/endpoints/:endpoint/predictions/export', readable, async (request, reply) => {
    const { workspace } = actorOf(request)
    const { endpoint } = parsePart(contract.listPredictions.params, request.params, 'path')
    const asked = parsePart(PredictionFilter, request.query, 'query')
    const filter = await filterOf(workspace, endpoint, asked)
    const file = await list.export(db, { workspace, endpoint }, filter, randomUUID())
    const stream = createReadStream(file.path)
    stream.once('close', () => void file.remove())
    return reply
      .type('application/vnd.apache.parquet')
      .header('content-disposition', `attachment; filename="${endpoint}-predictions.parquet"`)
      .send(stream)
  })

  mount(app, erasures.erase, ({ body }, { actor }) => erasure.request(actor, body))
  mount(app, erasures.list, async (_input, { actor }) => ({ erasures: await erasure.list(actor.workspace) }))
  mount(app, erasures.get, ({ params }, { actor }) => erasure.byId(actor.workspace, params.id))
}
