import { type HandAnswer, HEADERS, Id, type JsonValue, ModelVersionRef, STAGES, type Stage } from '@tidemark/contracts'
import { GatewaySilent, GatewaySlow } from './errors.ts'

const TIMEOUT_SECONDS = 60
/** An answer that is longer is shown cut: a page is no place for more. */
const MOST_CHARACTERS = 200_000

/** A request by hand. */
export interface HandQuestion {
  readonly workspace: string
  readonly endpoint: string
  readonly input: Readonly<Record<string, JsonValue>>
  readonly caller?: string | undefined
  readonly entity?: string | undefined
}

/**
 * Asks the platform's own gateway, whatever it answers. The address is the server's setting, never the asker's.
 * @throws GatewaySilent, GatewaySlow
 */
export async function askGateway(
  { gatewayUrl, internalToken }: { readonly gatewayUrl: string; readonly internalToken: string },
  question: HandQuestion,
): Promise<HandAnswer> {
  const start = performance.now()
  try {
    const answer = await fetch(`${gatewayUrl}/endpoints/${encodeURIComponent(question.endpoint)}/invocations`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        // By it the gateway knows the server where it asks everybody who they are.
        authorization: `Bearer ${internalToken}`,
        'x-mlflow-workspace': question.workspace,
        ...(question.caller === undefined ? {} : { [HEADERS.caller]: question.caller }),
        ...(question.entity === undefined ? {} : { [HEADERS.entity]: encodeURIComponent(question.entity) }),
      },
      body: JSON.stringify(question.input),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
    })
    const text = await answer.text()
    return {
      status: answer.status,
      body: jsonOf(text),
      prediction: Id.safeParse(answer.headers.get(HEADERS.predictionId)).data ?? null,
      version: versionOf(answer.headers.get(HEADERS.version)),
      milliseconds: performance.now() - start,
      stages: stagesOf(answer.headers.get('server-timing') ?? ''),
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') throw GatewaySlow(gatewayUrl, TIMEOUT_SECONDS)
    throw GatewaySilent(gatewayUrl)
  }
}

function jsonOf(text: string): JsonValue {
  if (text.length > MOST_CHARACTERS) return `${text.slice(0, MOST_CHARACTERS)}…`
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}

function versionOf(header: string | null): string | null {
  if (header === null) return null
  try {
    return ModelVersionRef.safeParse(decodeURI(header)).data ?? null
  } catch {
    return null
  }
}

/** `parse;dur=0.1, infer;dur=2` as milliseconds by stage. */
function stagesOf(header: string): Partial<Record<Stage, number>> {
  const found = [...header.matchAll(/(\w+);dur=([\d.]+)/g)].map(([, name, dur]) => [name, Number(dur)] as const)
  return Object.fromEntries(found.filter(([name]) => STAGES.some((stage) => stage === name)))
}
