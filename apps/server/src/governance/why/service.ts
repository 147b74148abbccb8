import { endpointCreated, ModelVersionRef, parseModelVersionRef, rolloutPromoted, type Why } from '@tidemark/contracts'
import { z } from 'zod'
import { causesOf, findEvent, type Platform } from '../../platform/index.ts'
import { NothingToExplain } from '../errors.ts'
import { eventThatPutInPlace, latestEventAbout } from '../store.ts'
import type { GovernancePorts } from '../types.ts'
import { predictionFacts, versionFacts } from './facts.ts'

type About = Why['about']

/** Things that events are about, by the prefix of their subject. */
const SUBJECTS = [
  ['rollout', 'rollout'],
  ['pipeline-run', 'pipeline-run'],
  ['window', 'window'],
] as const
/** Things that events name in their payload. */
const NAMED = [
  ['evaluation', 'evaluation'],
  ['approval', 'approval'],
  ['waiver', 'waiver'],
] as const

const Version = z.object({ model: z.string(), version: z.int(), endpoint: z.string().optional() })

/** Answers "why did this happen?" by following the causes that every event names. */
export class Explanations {
  private readonly platform: Platform
  private readonly ports: GovernancePorts

  constructor(platform: Platform, ports: GovernancePorts) {
    this.platform = platform
    this.ports = ports
  }

  /** Explains the thing of this id. @throws NothingToExplain when nothing has it. */
  async why(workspace: string, id: string): Promise<Why> {
    if (ModelVersionRef.safeParse(id).success) return this.ofVersion(workspace, id)
    if (!z.uuid().safeParse(id).success) throw NothingToExplain(id)
    const found = (await this.ofEventOrThing(workspace, id)) ?? (await this.ofPrediction(workspace, id))
    if (!found) throw NothingToExplain(id)
    return found
  }

  private async ofVersion(workspace: string, ref: string): Promise<Why> {
    const { db } = this.platform
    const event = await latestEventAbout(db, workspace, { subjects: [`model-version:${ref}`] })
    const put = await this.putInPlace(workspace, ref, null)
    const latest = put ?? event
    if (!latest) throw NothingToExplain(ref)
    return this.chainFrom(workspace, latest, { kind: 'model-version', id: ref, title: ref })
  }

  private async ofEventOrThing(workspace: string, id: string): Promise<Why | null> {
    const { db } = this.platform
    const event = await findEvent(db, workspace, id)
    if (event) return this.chainFrom(workspace, id, { kind: 'event', id, title: event.sentence })
    for (const [kind, prefix] of SUBJECTS) {
      const about = await latestEventAbout(db, workspace, { subjects: [`${prefix}:${id}`] })
      if (about) return this.chainFrom(workspace, about, { kind, id, title: kind })
    }
    for (const [kind, payload] of NAMED) {
      const about = await latestEventAbout(db, workspace, { payload, id })
      if (about) return this.chainFrom(workspace, about, { kind, id, title: kind })
    }
    return null
  }

  private async ofPrediction(workspace: string, id: string): Promise<Why | null> {
    const prediction = await this.ports.predictions.find(workspace, id)
    if (!prediction) return null
    const { answer } = prediction
    const { rollout, endpoint } = answer
    // A candidate answers because of its rollout's last step; a champion because of what put it in place.
    const byRollout =
      rollout?.arm === 'candidate'
        ? await latestEventAbout(this.platform.db, workspace, { subjects: [`rollout:${rollout.id}`] })
        : null
    const cause = byRollout ?? (await this.putInPlace(workspace, answer.version, endpoint))
    const { model, version } = parseModelVersionRef(answer.version)
    const facts = await versionFacts(this.platform.db, this.ports, workspace, { model, version, endpoint })
    return {
      about: { kind: 'prediction', id, title: `An answer of ${answer.version} on ${endpoint}` },
      prediction,
      facts: [...predictionFacts(prediction), ...facts],
      chain: cause ? await causesOf(this.platform.db, workspace, cause) : [],
    }
  }

  private async chainFrom(workspace: string, event: string, about: About): Promise<Why> {
    const { db } = this.platform
    const chain = await causesOf(db, workspace, event)
    const [newest] = chain
    const title =
      about.kind === 'event' || about.kind === 'model-version' ? about.title : (newest?.sentence ?? about.title)
    const named = about.kind === 'model-version' ? parseModelVersionRef(about.id) : undefined
    const version = chain.map(({ payload }) => Version.safeParse(payload)).find((parsed) => parsed.success)?.data
    const subject = named ? { ...named, endpoint: version?.endpoint } : version
    const facts = subject
      ? await versionFacts(db, this.ports, workspace, { ...subject, endpoint: subject.endpoint ?? null })
      : []
    return { about: { ...about, title }, prediction: null, facts, chain }
  }

  /** The event that made a version an endpoint's champion: its promotion, or the endpoint's creation with it. */
  private putInPlace(workspace: string, ref: string, endpoint: string | null): Promise<string | null> {
    const types = [rolloutPromoted.type, endpointCreated.type]
    return eventThatPutInPlace(this.platform.db, workspace, { ...parseModelVersionRef(ref), endpoint, types })
  }
}
