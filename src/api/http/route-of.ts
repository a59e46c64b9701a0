import type { FastifyRequest } from 'fastify'

type Route = FastifyRequest['routeOptions']

declare module 'fastify' {
  interface FastifyRequest {
    /** See {@link routeOf}. */
    knownRoute: Route | undefined
  }
}

/** The route of a request. Fastify makes another object each time that it is asked, and the hooks of a submission ask four times. */
export function routeOf(request: FastifyRequest): Route {
  request.knownRoute ??= request.routeOptions
  return request.knownRoute
}
