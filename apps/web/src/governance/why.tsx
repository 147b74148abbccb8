import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import type { Why } from '@tidemark/contracts'
import { client } from '../app/client.ts'
import { CopyId, Empty, LoadedPage, Page, Pairs, Section, Thread, trimmed } from '../ui/index.ts'
import { knotOf } from './events.tsx'
import styles from './why.module.css'

/** Why did this happen? The facts of a thing and the chain of causes that led to it. */
export function WhyPage() {
  const { id } = useParams({ from: '/governance/why/$id' })
  const why = useQuery({ queryKey: ['why', id], queryFn: () => client.governance.why({ params: { id } }) })
  return (
    <LoadedPage query={why} what="The chain of causes" crumbs={<Link to="/governance">Governance</Link>}>
      {(data) => (
        <Page
          title={data.about.title}
          crumbs={<Link to="/governance">Governance</Link>}
          sentence={`${data.about.kind.replace('-', ' ')} ${data.about.id}`}
        >
          <div className={styles.sheet}>
            <Section
              title="What led to it"
              note="Newest on top; each knot was caused by the ones below it. Nothing here was written afterwards: events are appended in the same transaction as the change, and their hashes are chained."
            >
              {data.chain.length === 0 ? (
                <Empty title="No recorded cause">This was done by hand, or it is the first act of its chain.</Empty>
              ) : (
                <Thread knots={data.chain.map(knotOf)} />
              )}
            </Section>
            <Facts why={data} />
          </div>
        </Page>
      )}
    </LoadedPage>
  )
}

function Facts({ why }: { readonly why: Why }) {
  if (why.facts.length === 0) return null
  return (
    <Section title="Facts">
      <Pairs items={why.facts.map((fact) => [fact.label, <Fact key={fact.label} fact={fact} />] as const)} />
    </Section>
  )
}

function Fact({ fact }: { readonly fact: Why['facts'][number] }) {
  const hash = /^(sha256:)?[0-9a-f]{32,64}$/.test(fact.value)
  if (fact.link) return <Link to={fact.link}>{hash ? fact.value.slice(0, 12) : readable(fact.value)}</Link>
  return hash ? <CopyId id={fact.value} length={12} /> : readable(fact.value)
}

/** Instants to the second; long decimals to four digits. */
function readable(value: string): string {
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return `${value.slice(0, 19).replace('T', ' ')} UTC`
  return /^-?\d+\.\d{5,}$/.test(value) ? trimmed(Number(value)) : value
}
