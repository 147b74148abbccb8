import { defineError } from '@tidemark/contracts'

export const EndpointWithoutTraffic = defineError(
  'ENDPOINT_NOT_FOUND',
  404,
  (name: string) => `There is no endpoint "${name}". \`tidemark endpoints list\` names those there are.`,
)
export const GatewaySilent = defineError(
  'GATEWAY_SILENT',
  502,
  (url: string) => `The gateway at ${url} does not answer. \`tidemark doctor\` says whether it runs.`,
)
export const GatewaySlow = defineError(
  'GATEWAY_SLOW',
  504,
  (url: string, seconds: number) =>
    `The gateway at ${url} gave no answer within ${seconds} s. The version may be starting: try again in a moment.`,
)
