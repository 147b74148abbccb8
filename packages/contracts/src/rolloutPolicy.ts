import { z } from 'zod'
import { Cell } from './values.ts'

export const LossName = z.enum(['squared_error', 'absolute_error'])
export type LossName = z.infer<typeof LossName>

const Percent = z.number().gt(0).max(100)
const Hours = z.number().min(0)

/** What a value must be. All that is said must hold; a value that is missing fits nothing. */
export const Match = z.strictObject({
  equals: Cell.optional(),
  in: z.array(Cell).min(1).max(1000).optional(),
  prefix: z.string().min(1).optional(),
  atLeast: z.number().optional(),
  below: z.number().optional(),
})
export type Match = z.infer<typeof Match>

/** Who a rule is about. All conditions must hold. */
export const RoutingWhen = z.strictObject({
  /** The caller's key. */
  caller: Match.optional(),
  header: Match.extend({ name: z.string().min(1).max(200).toLowerCase() }).optional(),
  /** A column of the input, in the first row of the request. */
  column: Match.extend({ name: z.string().min(1) }).optional(),
})

/** Sends matching requests to a version, or keeps them with the champion. They are not shared out, so they are no evidence of callers. */
export const RoutingRule = z
  .strictObject({
    name: z.string().min(1).max(100),
    when: RoutingWhen,
    /** A number is a version of an A/B rollout. */
    send: z.union([z.enum(['champion', 'candidate']), z.int().min(1)]),
  })
  .refine((rule) => Object.values(rule.when).some((part) => part !== undefined), {
    message: 'A rule needs a condition: "caller", "header" or "column".',
    path: ['when'],
  })
export type RoutingRule = z.infer<typeof RoutingRule>

/** How far callers may be exposed to a version that is tried. */
export const Exposure = z.strictObject({
  /** Most requests that it answers in the whole rollout. */
  maxRequests: z.int().min(1).nullable().default(null),
  /** Most callers that it ever answers. */
  maxCallers: z.int().min(1).nullable().default(null),
  /** Of requests like these it answers at most that share of the callers, whatever the step. */
  slice: z
    .strictObject({ column: Match.extend({ name: z.string().min(1) }), maxPercent: z.number().min(0).max(100) })
    .nullable()
    .default(null),
})
export type Exposure = z.infer<typeof Exposure>

/** A step of a canary: a share of callers, and what must have been seen at it before the next. Hours are event time. */
export const CanaryStep = z.strictObject({
  weightPercent: Percent,
  minCallers: z.int().min(0).default(100),
  minRequests: z.int().min(0).default(0),
  minLabelled: z.int().min(0).default(0),
  minHours: Hours.default(0),
  maxHours: z.number().gt(0).nullable().default(null),
  /** What follows when `maxHours` have passed without that evidence. */
  onMaxHours: z.enum(['pause', 'roll_back', 'continue']).default('pause'),
})
export type CanaryStep = z.infer<typeof CanaryStep>

/** What of the candidate must be proven before it is promoted. */
export const Proof = z.enum(['errors', 'loss'])

const Policy = z.strictObject({
  /**
   * `canary`: shadow, then the steps. `blue_green`: warmed, then all callers at once, the old version kept for instant return. `shadow`: mirrored
   * only, answers nobody. `ab`: several versions side by side, until one wins.
   */
  strategy: z.enum(['canary', 'blue_green', 'shadow', 'ab']).default('canary'),
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  /**
   * Most that the endpoint's rollouts which begin within a year may spend of alpha together: each gets at most half of what is left. null: each has its
   * own alpha, however many there are.
   */
  alphaPerYear: z.number().gt(0).lt(1).nullable().default(null),
  loss: LossName.default('absolute_error'),
  /** Non-inferiority margins: error rate in percentage points, mean loss in units of `loss`. */
  errorMarginPercent: z.number().gt(0).default(2),
  lossMargin: z.number().gt(0).default(0.1),
  /**
   * Event time after a prediction at which its label is read for the proof that the loss stays within the margin; one that comes later is none. null: as
   * labels come. Harm is always read as labels come.
   */
  labelAgeDays: z.number().gt(0).nullable().default(null),
  prove: z.array(Proof).min(1).default(['errors', 'loss']),
  /** The first answers of the version that is tried count in no test of errors, failures or latency: it is still warming up. */
  warmUpAnswers: z.int().min(0).default(0),
  /** The slowest answers: a candidate is harmful when this quantile is surely more than the margin above the champion's. */
  latency: z
    .strictObject({
      quantile: z.number().min(0.5).max(0.999).default(0.95),
      marginPercent: z.number().min(0).default(20),
    })
    .nullable()
    .default(null),
  /** A budget for things that the two versions answer differently by more than the tolerance (other than equal, for what is no number). */
  disagreement: z
    .strictObject({ tolerance: z.number().min(0).default(0), maxPercent: z.number().min(0).lt(100) })
    .nullable()
    .default(null),
  /** The mirror: how many things both must have answered, and what it may cost. */
  shadow: z
    .strictObject({
      minEntities: z.int().min(0).default(20),
      sharePercent: Percent.default(100),
      maxConcurrency: z.int().min(1).max(4).default(4),
    })
    .prefault({}),
  canary: z
    .array(CanaryStep)
    .min(1)
    .default([
      CanaryStep.parse({ weightPercent: 10, minCallers: 100 }),
      CanaryStep.parse({ weightPercent: 50, minCallers: 200 }),
    ]),
  blueGreen: z
    .strictObject({
      /** Callers that stay with the old version, to be compared with; 0: only the mirror compares. */
      holdbackPercent: z.number().min(0).max(50).default(5),
      /** The old version stays loaded so long after the switch, and a return takes less than a second. */
      keepWarmHours: Hours.default(24),
    })
    .prefault({}),
  ab: z
    .strictObject({
      /** The rest of the callers stays with the champion. */
      variants: z
        .array(z.strictObject({ version: z.int().min(1), weightPercent: Percent }))
        .max(8)
        .default([]),
      /** What the winner is surely better in. */
      metric: Proof.default('loss'),
      minCallers: z.int().min(1).default(100),
    })
    .prefault({}),
  rules: z.array(RoutingRule).max(50).default([]),
  exposure: Exposure.prefault({}),
  /** Event time after which a rollout whose proof never came ends by `onTimeLimit`. */
  maxDays: z.number().gt(0).default(365),
  onTimeLimit: z.enum(['promote_without_proof', 'roll_back', 'pause']).default('promote_without_proof'),
})

/** How a candidate is rolled out. All tests of one rollout share `alpha`. */
export const RolloutPolicy = Policy.superRefine((policy, context) => {
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
  if (policy.strategy === 'ab') {
    const { variants } = policy.ab
    const sum = variants.reduce((total, { weightPercent }) => total + weightPercent, 0)
    if (variants.length === 0)
      refuse(['ab', 'variants'], 'An A/B rollout needs variants: "version" and "weightPercent".')
    if (sum >= 100) refuse(['ab', 'variants'], `The weights sum to ${sum} %: leave a share to the champion.`)
    const versions = variants.map(({ version }) => version)
    if (new Set(versions).size !== versions.length) refuse(['ab', 'variants'], 'A version is there twice.')
  }
  policy.rules.forEach(({ send }, index) => {
    const known =
      policy.strategy === 'ab'
        ? send === 'champion' || policy.ab.variants.some(({ version }) => version === send)
        : typeof send === 'string'
    if (!known) {
      refuse(
        ['rules', index, 'send'],
        'Send to "champion", to "candidate", or in an A/B rollout to one of its versions.',
      )
    }
  })
})
export type RolloutPolicy = z.infer<typeof RolloutPolicy>
