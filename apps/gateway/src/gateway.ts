import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Variant } from '@tidemark/contracts'
import { type Names, serverNames } from '@tidemark/process'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import { createHttp } from './http.ts'
import { PolicyLog } from './log/policy.ts'
import { PredictionLog } from './log/segments.ts'
import { UnloggedCount } from './log/unlogged.ts'
import { mlflowRoutes } from './protocols/mlflow/routes.ts'
import { tensorflowRoutes } from './protocols/tensorflow/routes.ts'
import { v2Routes } from './protocols/v2/routes.ts'
import { Rechecks } from './recheck/rechecks.ts'
import { Router } from './routing/router.ts'
import { loadVariant } from './runtimes/load.ts'
import { Models } from './runtimes/models.ts'
import { PythonProcesses } from './runtimes/processes.ts'
import { OnnxThreads } from './runtimes/threads.ts'
import { Admission } from './scoring/admission.ts'
import { Mirror } from './scoring/mirror.ts'
import { Scoring } from './scoring/service.ts'
import { Tallies } from './scoring/tally.ts'
import { BlobCache, writeAtomically } from './snapshot/blobs.ts'
import { SnapshotFollower } from './snapshot/follower.ts'
import { ServerLink } from './snapshot/server.ts'
import { endpointKey, type Serving } from './snapshot/serving.ts'
import { createTelemetry, type Log } from './telemetry.ts'

export interface RunningGateway {
  readonly id: string
  readonly url: string
  readonly app: FastifyInstance
  /** Answers what is in flight, mirrors what waits, syncs the log, says goodbye to the server. */
  stop(): Promise<void>
}

/** Longest wait at the start for the kept snapshot's models, so that a restarted gateway answers its first request. */
const WARM_UP_MS = 3000
/** Between two looks at the memory of the models. */
const TRIM_MS = 5000
const MIRROR_DRAIN_MS = 5000

/** Puts the gateway's parts together and starts to listen. */
export async function startGateway(config: Config, out: Log): Promise<RunningGateway> {
  const tallies = new Tallies()
  const telemetry = createTelemetry(tallies)
  const folder = join(config.dataDir, config.folder ?? 'gateway')
  // Laid out by a process that is gone.
  await rm(join(folder, 'models'), { recursive: true, force: true })
  const id = await gatewayId(join(folder, 'id'))
  const server = new ServerLink({ url: config.serverUrl, token: config.internalToken, gateway: id })
  const blobs = new BlobCache(join(folder, 'blobs'), (digest, signal) => server.blob(digest, signal))
  const stopping = new AbortController()
  const threads = new OnnxThreads()
  const processes = new PythonProcesses((line) => out.debug({ part: 'model' }, line.slice(0, 1000)))
  const load = (variant: Variant) =>
    loadVariant(variant, {
      blobs,
      folder: join(folder, 'models'),
      signal: stopping.signal,
      threads,
      startProcess: (...asked) => processes.start(...asked),
      onRetry: (version, requests) => telemetry.retries.labels(version).inc(requests),
      onRestart: (version, reason) => {
        telemetry.restarts.labels(version).inc()
        out.warn({ version, reason }, 'a model process ended, it is started again')
      },
    })
  const models = new Models(load, (count) => telemetry.models.set(count))
  const rechecks = new Rechecks({
    load,
    report: (mismatch) => server.mismatch(mismatch),
    telemetry,
    out,
  })
  const segments = new PredictionLog({
    folder: join(config.dataDir, 'log', id),
    gateway: id,
    onWritten: (bytes) => telemetry.logBytes.inc(bytes),
    onFailure: (error) => {
      telemetry.logFailures.inc()
      out.error({ err: error }, 'the prediction log failed')
    },
  })
  const unlogged = new UnloggedCount((answers) => server.unlogged(answers))
  const log = new PolicyLog({
    log: segments,
    policyOf: (workspace, name) => {
      const endpoint = follower.serving.endpoints.get(endpointKey(workspace, name))
      return endpoint ? endpoint.spec.logging : null
    },
    key: () => follower.serving.logKey,
    onUnlogged: (record, error) => {
      telemetry.unlogged.labels(record.endpoint).inc()
      unlogged.add(record, error)
      out.error({ err: error, prediction: record.id, endpoint: record.endpoint }, 'an answer left without a record')
    },
  })
  const warm = Promise.withResolvers<void>()
  const follower = new SnapshotFollower({
    server,
    models,
    blobs,
    file: join(folder, 'snapshot.json'),
    log: out,
    onSwitch: (serving) => {
      telemetry.snapshotVersion.set(serving.version)
      segments.endOpenedBefore(serving.endSegmentsBefore)
      warm.resolve()
    },
  })
  telemetry.snapshotVersion.set(-1)
  const mirror = new Mirror({ models, log, telemetry, out })
  const admission = new Admission()
  const scoring = new Scoring({
    models,
    log,
    mirror,
    tallies,
    admission,
    rechecks,
    out,
    router: new Router(() => follower.leased),
  })

  let names: Names = { hosts: new Set(), named: new Set() }
  const app = createHttp({ out, names: () => names })
  const shared = { scoring, telemetry, serving: () => follower.serving }
  mlflowRoutes(app, { ...shared, defaultEndpoint: config.defaultEndpoint })
  await app.register((v2) => v2Routes(v2, { ...shared, tallies, ready: () => notReady() === null }), { prefix: '/v2' })
  await app.register((tensorflow) => tensorflowRoutes(tensorflow, shared), { prefix: '/v1/models' })
  app.get('/health', async (_request, reply) => reply.type('text/plain').send('\n'))
  const notReady = () =>
    !segments.healthy && refuses(follower.serving)
      ? 'the prediction log cannot be written'
      : follower.serving.version < 0
        ? 'no snapshot yet'
        : null
  app.get('/readyz', async (_request, reply) => {
    const reason = notReady()
    return reply
      .code(reason ? 503 : 200)
      .type('text/plain')
      .send(reason ? `not ready: ${reason}` : 'ready')
  })
  app.get('/metrics', async (_request, reply) => {
    telemetry.serverSilence.set(follower.silenceSeconds ?? Number.POSITIVE_INFINITY)
    telemetry.mirrorsWaiting.set(mirror.size)
    telemetry.requestsWaiting.set(admission.waiting)
    return reply.type(telemetry.registry.contentType).send(await telemetry.registry.metrics())
  })

  const trim = async () => {
    const unloaded = await models.trim(config.modelMemoryBytes ?? totalmem() / 2)
    if (unloaded.length > 0) out.info({ versions: unloaded }, 'unloaded, to keep within the memory for models')
  }
  const trimming = setInterval(
    () => void trim().catch((error: unknown) => out.error({ err: error }, 'a version could not be unloaded')),
    TRIM_MS,
  )
  trimming.unref()

  follower.start()
  await Promise.race([warm.promise, new Promise((resolve) => setTimeout(resolve, WARM_UP_MS).unref())])
  await app.listen({ host: config.host, port: config.port })
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : config.port
  names = serverNames(config.host, port)

  return {
    id,
    url: `http://${config.host}:${port}`,
    app,
    stop: async () => {
      await drain(app)
      await mirror.drain(MIRROR_DRAIN_MS)
      await segments.close()
      await unlogged.close()
      stopping.abort()
      // Behind the log: it waits for a model in Python that is still being loaded.
      await rechecks.close()
      await follower.stop()
      clearInterval(trimming)
      await models.close()
      await threads.close()
      await processes.close()
      await server.goodbye().catch(() => {})
    },
  }
}

/** Whether some endpoint does not answer without a log; when nothing is served, nothing says otherwise. */
function refuses({ endpoints }: Serving): boolean {
  return (
    endpoints.size === 0 || [...endpoints.values()].some(({ spec }) => spec.logging?.unwritable !== 'serve_unlogged')
  )
}

/** Takes no new connection, answers what is in flight, and ends each connection when it has nothing to answer any more. */
async function drain(app: FastifyInstance): Promise<void> {
  const closed = app.close()
  const sweep = setInterval(() => app.server.closeIdleConnections(), 20)
  await closed.finally(() => clearInterval(sweep))
}

/** The same over restarts of one data folder: the server then knows the gateway again, and its log goes on in one place. */
async function gatewayId(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => '')
  if (/^[\w-]{1,64}$/.test(known)) return known
  const id = randomUUID()
  await writeAtomically(file, id)
  return id
}
