import { Checkbox } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Person } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { Ago, Empty, FormButton } from '../ui/index.ts'
import styles from './identity.module.css'
import { LEAST_PASSWORD, NameInput, NewPassword } from './inputs.tsx'
import { ListSection } from './list.tsx'

/** Everybody who may sign in to the platform. */
export function People() {
  const people = useQuery({ queryKey: ['people'], queryFn: () => client.identity.listPeople() })
  return (
    <ListSection
      title="People"
      note="Everybody who may sign in to this platform, whatever their roles."
      action={<AddPerson />}
      query={people}
      rows={(data) => data.people}
      empty={
        <Empty title="Nobody yet" command="tidemark users add NAME --admin">
          Make the first admin an account.
        </Empty>
      }
      rowKey={(row) => row.id}
      columns={[
        { id: 'name', header: 'Name', cell: (row) => row.name },
        { id: 'roles', header: 'Roles', width: 'wide', cell: (row) => rolesOf(row) },
        { id: 'since', header: 'Since', width: 'fit', cell: (row) => <Ago at={row.createdAt} /> },
        { id: 'act', header: 'Change', width: 'fit', cell: (row) => <PersonActs person={row} /> },
      ]}
    />
  )
}

function rolesOf({ admin, memberships }: Person): string {
  if (admin) return 'admin of the platform'
  return memberships.map(({ workspace, role }) => `${role} of ${workspace}`).join(', ') || 'none yet'
}

function AddPerson() {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [admin, setAdmin] = useState(false)
  return (
    <FormButton
      label="Add a person"
      title="Add a person"
      confirm="Add person"
      ready={name !== '' && password.length >= LEAST_PASSWORD}
      onClosed={() => {
        setName('')
        setPassword('')
        setAdmin(false)
      }}
      act={async () => {
        await client.identity.createPerson({ body: { name, password, admin } })
        await queries.invalidateQueries()
        return null
      }}
    >
      <NameInput value={name} onValue={setName} />
      <NewPassword label="First password" then="They change it themselves." value={password} onValue={setPassword} />
      <Checkbox
        label="Admin of the whole platform"
        checked={admin}
        onChange={(event) => setAdmin(event.currentTarget.checked)}
      />
    </FormButton>
  )
}

function PersonActs({ person }: { readonly person: Person }) {
  const queries = useQueryClient()
  const [password, setPassword] = useState('')
  const done = async () => {
    await queries.invalidateQueries()
    return null
  }
  return (
    <span className={styles.acts}>
      <FormButton
        label="Set password"
        title={`Set a new password for ${person.name}`}
        confirm="Set password"
        small
        ready={password.length >= LEAST_PASSWORD}
        onClosed={() => setPassword('')}
        act={async () => {
          await client.identity.setPerson({ params: { person: person.id }, body: { password } })
          return done()
        }}
      >
        <NewPassword label="New password" first then="Their sessions end." value={password} onValue={setPassword} />
      </FormButton>
      <FormButton
        label={person.admin ? 'Make no admin' : 'Make admin'}
        title={person.admin ? `${person.name} is no longer an admin` : `Make ${person.name} an admin of the platform`}
        confirm={person.admin ? 'Make no admin' : 'Make admin'}
        small
        act={async () => {
          await client.identity.setPerson({ params: { person: person.id }, body: { admin: !person.admin } })
          return done()
        }}
      >
        <p>An admin has every right in every workspace.</p>
      </FormButton>
      <FormButton
        label="Remove"
        title={`Remove ${person.name} from the platform`}
        confirm="Remove person"
        danger
        small
        act={async () => {
          await client.identity.removePerson({ params: { person: person.id } })
          return done()
        }}
      >
        <p>Their sessions, roles and own tokens end at once. What they made stays.</p>
      </FormButton>
    </span>
  )
}
