import { NativeSelect, PasswordInput, TextInput } from '@mantine/core'

interface Input<T extends string = string> {
  readonly value: T
  readonly onValue: (value: T) => void
  readonly description?: string
}

/** What somebody or something is called: the first input of its form. */
export function NameInput({ onValue, ...props }: Input) {
  return (
    <TextInput
      label="Name"
      required
      data-autofocus
      {...props}
      onChange={(event) => onValue(event.currentTarget.value)}
    />
  )
}

/** One of the roles that may be given. */
export function RoleSelect<R extends string>(
  props: Input<R> & { readonly roles: readonly { readonly value: R; readonly label: string }[] },
) {
  const { roles, value, onValue } = props
  return (
    <NativeSelect
      label="Role"
      data={[...roles]}
      value={value}
      onChange={(event) => {
        const chosen = roles.find((role) => role.value === event.currentTarget.value)
        if (chosen) onValue(chosen.value)
      }}
    />
  )
}

/** Fewest characters of a password. */
export const LEAST_PASSWORD = 12

/** A password that is chosen now. */
export function NewPassword({
  label,
  first,
  then,
  value,
  onValue,
}: Omit<Input, 'description'> & {
  readonly label: string
  /** Whether the form begins with it. */
  readonly first?: boolean
  /** What comes of it, behind its length. */
  readonly then?: string
}) {
  return (
    <PasswordInput
      label={label}
      description={[`At least ${LEAST_PASSWORD} characters.`, then].filter(Boolean).join(' ')}
      autoComplete="new-password"
      required
      {...(first ? { 'data-autofocus': true } : {})}
      value={value}
      onChange={(event) => onValue(event.currentTarget.value)}
    />
  )
}
