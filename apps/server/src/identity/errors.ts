import { defineError, type Permission } from '@tidemark/contracts'
import { RetryLater } from '../platform/index.ts'

export const SignInNeeded = defineError(
  'SIGN_IN_NEEDED',
  401,
  () =>
    'This platform asks who you are. Sign in at /login; give MLflow MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; give everything else a token as "Authorization: Bearer".',
)
export const TokenRefused = defineError(
  'TOKEN_REFUSED',
  401,
  () =>
    'The token of this request is not valid here, or no longer. Leave the Authorization header out, or start the run again.',
)
/** One text for an unknown name and a wrong password: neither tells whether the name exists. */
export const SignInRefused = defineError('SIGN_IN_REFUSED', 401, () => 'This name and password do not belong together.')
export function tooManyFailures(seconds: number): RetryLater {
  return new RetryLater(
    'TOO_MANY_FAILURES',
    429,
    `Too many failed logins. The next one is looked at in ${seconds} s; tokens and open sessions go on working.`,
    seconds,
  )
}
export const NotAskedByOwnPage = defineError(
  'NOT_ASKED_BY_OWN_PAGE',
  403,
  () =>
    'A browser sent this request with its session, but no page of this platform asked for it. Programs use a token instead of a session.',
)
export const NoMember = defineError(
  'NO_MEMBER',
  403,
  (workspace: string) =>
    `You have no role in workspace "${workspace}". Ask an owner of it, or name another by the header X-MLFLOW-WORKSPACE.`,
)
export const NotGivable = defineError(
  'NOT_GIVABLE',
  403,
  (missing: readonly Permission[]) => `Nobody gives what they have not: you lack ${missing.join(', ')}.`,
)
export const PersonExists = defineError('PERSON_EXISTS', 409, () => 'Somebody has this name already. Choose another.')
export const PersonUnknown = defineError('PERSON_UNKNOWN', 404, (name: string) => `Nobody here is "${name}".`)
export const MemberUnknown = defineError(
  'MEMBER_UNKNOWN',
  404,
  (name: string) => `"${name}" has no role in this workspace.`,
)
export const TokenUnknown = defineError('TOKEN_UNKNOWN', 404, () => 'There is no such token in this workspace.')
export const LastAdmin = defineError(
  'LAST_ADMIN',
  409,
  () => 'This is the last admin of the platform. Make somebody else an admin first.',
)
export const NotOneself = defineError(
  'NOT_ONESELF',
  409,
  () => 'Nobody removes themselves. Ask another admin to do it.',
)
export const OnlyPeople = defineError(
  'ONLY_PEOPLE',
  403,
  () => 'This is for people who signed in by name and password, not for tokens.',
)
export const WorkspaceExists = defineError(
  'WORKSPACE_EXISTS',
  409,
  (name: string) => `There is a workspace "${name}" already.`,
)
export const WorkspaceUnknown = defineError('WORKSPACE_UNKNOWN', 404, (name: string) => `Workspace '${name}' not found`)
