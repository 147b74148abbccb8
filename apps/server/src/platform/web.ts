import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyRequest } from 'fastify'
import type { HttpServer } from './http.ts'

const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** Serves the built UI. A path that is neither a file nor the API's is a page of the UI, which finds its own way. */
export async function webRoutes(
  app: HttpServer,
  root = fileURLToPath(new URL('../../../web/dist/', import.meta.url)),
): Promise<void> {
  if (!existsSync(`${root}/index.html`)) {
    app.get('/', { config: { access: 'everybody' } }, async (_request, reply) =>
      reply.type('text/plain').send('The API is up. The web UI is not built: run `npm run setup`, then start again.\n'),
    )
    return
  }
  await app.register(async (files) => {
    // The built files hold nothing of anybody: they are the same in every copy of this release.
    files.addHook('onRoute', (route) => {
      route.config = { access: 'everybody', ...route.config }
    })
    await files.register(fastifyStatic, {
      root,
      wildcard: false,
      // The build leaves a .gz beside each text file that shrinks.
      preCompressed: true,
      setHeaders: (reply, path) => {
        reply.header('content-security-policy', CONTENT_POLICY)
        // Vite puts a content hash into the names of assets; the page itself must be asked for anew.
        reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
    files.get('/*', { config: { access: isPage } }, async (request, reply) => {
      if (!isPage(request)) return reply.callNotFound()
      return reply
        .header('content-security-policy', CONTENT_POLICY)
        .header('cache-control', 'no-cache')
        .sendFile('index.html')
    })
  })
}

/** A person's browser on its way to a page of the UI. */
function isPage({ headers, url }: FastifyRequest): boolean {
  return (headers.accept?.includes('text/html') ?? false) && !/^\/(api|ajax-api|internal)\//.test(url)
}
