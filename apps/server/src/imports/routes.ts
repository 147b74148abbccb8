import { imports as contract } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import type { ImportService } from './service.ts'
import type { ImportRow } from './types.ts'

/** The API through which content of another tracking server comes in. */
export function importRoutes(app: HttpServer, service: ImportService): void {
  mount(app, contract.startImport, async ({ body }, { actor }) => {
    const { import: opened, resumed } = await service.start(actor, body.source)
    return { ...wire(opened), resumed }
  })
  mount(app, contract.listImports, async (_input, { actor }) => ({ imports: (await service.list(actor)).map(wire) }))
  mount(app, contract.knownItems, async ({ body }, { actor }) => ({
    items: await service.known(actor, body.kind, body.ids),
  }))
  mount(app, contract.importExperiments, async ({ params, body }, { actor }) => ({
    items: await service.experiments(actor, params.import, body.experiments),
  }))
  mount(app, contract.importRuns, async ({ params, body }, { actor }) => ({
    items: await service.runs(actor, params.import, body.runs),
  }))
  mount(app, contract.importLoggedModels, async ({ params, body }, { actor }) => ({
    items: await service.loggedModels(actor, params.import, body.models),
  }))
  mount(app, contract.importFiles, async ({ body }, { actor }) => ({
    folders: await service.files(actor, body.owners),
  }))
  mount(app, contract.noteFiles, async ({ params, body }, { actor }) => {
    await service.noteFiles(actor, params.import, body)
    return {}
  })
  mount(app, contract.importModels, async ({ params, body }, { actor }) => ({
    items: (await service.models(actor, params.import, body.models)).map((outcome) => ({
      ...outcome,
      versions: [...outcome.versions],
      aliases: [...outcome.aliases],
    })),
  }))
  mount(app, contract.checkItems, async ({ params, body }, { actor }) => ({
    items: await service.check(actor, params.import, body.kind, body.ids),
  }))
  mount(app, contract.finishImport, async ({ params, body }, { actor }) =>
    wire(await service.finish(actor, params.import, body.counts)),
  )
}

function wire(row: ImportRow) {
  return {
    id: row.id,
    source: row.source,
    state: row.state,
    startedAt: row.startedAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
    counts: [...row.counts],
  }
}
