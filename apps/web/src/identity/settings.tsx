import { PasswordInput, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Session } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { goToWorkspace, useMay, useSession } from '../app/session.ts'
import { Ago, Command, Empty, FormButton, Loaded, Page, Pairs, Section, StateChip } from '../ui/index.ts'
import { LEAST_PASSWORD, NameInput, NewPassword } from './inputs.tsx'
import { ListSection } from './list.tsx'
import { Members } from './members.tsx'
import { People } from './people.tsx'
import { OwnToken, Tokens } from './tokens.tsx'

/** Who may do what: oneself, then this workspace, then the platform; each part only for those who may see it. */
export function SettingsPage() {
  const session = useSession()
  const managesMembers = useMay('identity.read')
  const managesPeople = useMay('users.read')
  return (
    <Page
      title="Settings"
      state={
        session.data && (
          <StateChip tone={session.data.login ? 'good' : 'watch'}>
            {session.data.login ? 'Login is on' : 'Login is off'}
          </StateChip>
        )
      }
      sentence={
        session.data?.login === false
          ? 'Whoever uses this machine may do everything here; other machines reach nothing. Roles and tokens count once login is on.'
          : 'Who you are, who has which role in this workspace, and which programs hold a token.'
      }
    >
      <Loaded query={session} what="Who you are" lines={3}>
        {(data) => <You session={data} />}
      </Loaded>
      {managesMembers && <Members />}
      {managesMembers && <Tokens />}
      <Workspaces />
      {managesPeople && <People />}
    </Page>
  )
}

function You({ session }: { readonly session: Session }) {
  if (!session.login) {
    return (
      <Section title="You">
        <Empty title="Everybody here is the local person" command="tidemark up --login">
          Start the platform with login, and each has a name, a password and a role. The first start prints a token for
          the first admin, once.
        </Empty>
      </Section>
    )
  }
  const roles = session.who?.memberships.map(({ workspace, role }) =>
    workspace === '*' ? 'admin of the platform' : `${role} of ${workspace}`,
  )
  return (
    <Section
      title="You"
      action={
        session.who?.kind === 'person' && (
          <span style={{ display: 'inline-flex', gap: 8 }}>
            <OwnToken workspace={session.workspace?.name ?? 'default'} />
            <ChangePassword />
          </span>
        )
      }
    >
      <Pairs
        items={[
          ['Name', session.who?.name ?? '—'],
          ['Roles', roles?.join(', ') || 'none yet'],
        ]}
      />
    </Section>
  )
}

function ChangePassword() {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const clear = () => {
    setCurrent('')
    setNext('')
  }
  return (
    <FormButton
      label="Change password"
      title="Change your password"
      confirm="Change password"
      ready={current !== '' && next.length >= LEAST_PASSWORD}
      onClosed={clear}
      act={async () => {
        await client.identity.changePassword({ body: { current, next } })
        return <p>Your password is changed. Every other session of yours has ended.</p>
      }}
    >
      <PasswordInput
        label="Current password"
        autoComplete="current-password"
        required
        value={current}
        onChange={(event) => setCurrent(event.currentTarget.value)}
      />
      <NewPassword label="New password" value={next} onValue={setNext} />
    </FormButton>
  )
}

function Workspaces() {
  const here = useSession().data?.workspace?.name
  const may = useMay('workspaces.manage')
  const workspaces = useQuery({ queryKey: ['workspaces'], queryFn: () => client.identity.listWorkspaces() })
  return (
    <ListSection
      title="Workspaces"
      note="What is in one is neither seen nor changed from another."
      action={may && <NewWorkspace />}
      query={workspaces}
      rows={(data) => data.workspaces}
      rowKey={(row) => row.name}
      columns={[
        {
          id: 'name',
          header: 'Name',
          width: 'fit',
          cell: (row) =>
            row.name === here ? (
              <strong>{row.name}</strong>
            ) : (
              <button type="button" className="tm-link" onClick={() => goToWorkspace(row.name)}>
                {row.name}
              </button>
            ),
        },
        { id: 'description', header: 'What for', width: 'wide', cell: (row) => row.description || '—' },
        { id: 'since', header: 'Since', width: 'fit', cell: (row) => <Ago at={row.createdAt} /> },
      ]}
    >
      {here && here !== 'default' && <Command text={`export MLFLOW_WORKSPACE=${here}`} />}
    </ListSection>
  )
}

function NewWorkspace() {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  return (
    <FormButton
      label="Add a workspace"
      title="Add a workspace"
      confirm="Add workspace"
      ready={name !== ''}
      onClosed={() => {
        setName('')
        setDescription('')
      }}
      act={async () => {
        await client.identity.createWorkspace({ body: { name, description } })
        await queries.invalidateQueries({ queryKey: ['workspaces'] })
        return null
      }}
    >
      <NameInput description="Lower-case letters, digits and inner hyphens." value={name} onValue={setName} />
      <TextInput label="What for" value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
    </FormButton>
  )
}
