import { Button, createTheme, InputWrapper, type MantineColorsTuple } from '@mantine/core'

const tide: MantineColorsTuple = [
  '#e2f1f2',
  '#c3e2e5',
  '#9ccfd4',
  '#6fb9c0',
  '#45a2ab',
  '#24909a',
  '#0b7f8b',
  '#0b6670',
  '#084d55',
  '#05363c',
]

/** Mantine, told our look: sizes on a 4-px grid, borders rather than shadows. Colours come from tokens.css. */
export const theme = createTheme({
  primaryColor: 'tide',
  primaryShade: { light: 7, dark: 4 },
  colors: { tide },
  fontFamily: 'var(--tm-sans)',
  fontFamilyMonospace: 'var(--tm-mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '20px', lineHeight: '1.3' },
      h2: { fontSize: '16px', lineHeight: '1.35' },
      h3: { fontSize: '14px', lineHeight: '1.4' },
    },
  },
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'md',
  spacing: { xs: '4px', sm: '8px', md: '16px', lg: '24px', xl: '32px' },
  autoContrast: true,
  components: {
    // Mantine chooses the text's colour by the light theme's shade: on the dark theme's accent it would be too faint.
    Button: Button.extend({
      vars: (_theme, { variant = 'filled', color }) => ({
        root:
          variant === 'filled' && color === undefined
            ? {
                '--button-bg': 'var(--tm-accent)',
                '--button-hover': 'var(--tm-accent-strong)',
                '--button-color': 'var(--tm-on-accent)',
              }
            : {},
      }),
    }),
    // Mantine's own grey is too pale on our surfaces (AA: 4.5:1). What is needed is clear from the button that waits for it.
    InputWrapper: InputWrapper.extend({
      defaultProps: { withAsterisk: false },
      styles: { description: { color: 'var(--tm-text-dim)' } },
    }),
  },
})
