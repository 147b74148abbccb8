import type { FastifyInstance } from 'fastify'
import { describeError } from '../http.ts'

/** Answers the errors of a protocol's own addresses in its own shape. */
export function protocolErrors(app: FastifyInstance, shape: (message: string) => object): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, message, retryAfterSeconds } = describeError(error, request)
    if (retryAfterSeconds !== null) reply.header('retry-after', retryAfterSeconds)
    return reply.code(status).send(shape(message))
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(shape('No such address in this protocol.')))
}
