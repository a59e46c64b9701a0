import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Problem } from '../http/problem.ts'
import type { Caller } from './api-keys.ts'

/** The query parameter of lists: whose items they have. */
export const tenantParameter = z
  .string()
  .regex(/^(-|[A-Za-z0-9][A-Za-z0-9_-]{0,63})$/, 'is not a tenant')
  .optional()
  .describe("Whose items: another tenant's with the scope `admin` only. Default: the tenant of the key")

/** An API without keys is no operator's: it sees what was stored without a key. */
const isOperator = ({ key, scopes }: Caller): boolean => key !== undefined && scopes.has('admin')

/**
 * Whose jobs and flows a request reaches by their ids; undefined: every tenant's, which is what a key with the scope `admin` may read,
 * also by routes of that scope. It changes those of its own tenant alone.
 */
export function reachableTenant({ caller, routeOptions }: FastifyRequest): string | undefined {
  const { access } = routeOptions.config
  return (access === 'read' || access === 'admin') && isOperator(caller) ? undefined : caller.tenant
}

/** The tenant that a read names by {@link tenantParameter}, or the client's own. @throws Problem `forbidden` */
export function readableTenant({ caller }: FastifyRequest, asked: string | undefined): string {
  if (asked === undefined || asked === caller.tenant || isOperator(caller)) return asked ?? caller.tenant
  throw new Problem('forbidden', 'Only a key with the scope "admin" reads what belongs to another tenant.')
}
