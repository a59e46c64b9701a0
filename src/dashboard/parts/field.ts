import { html } from 'htm/preact'

interface FieldProps {
  label: string
  value: string | undefined
  onChange: (value: string) => void
  type?: string
}

const valueOf = ({ target }: Event): string =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement ? target.value : ''

/** A field of a filter. It counts when it is left, or by Enter. */
export function Field({ label, value, onChange, type = 'text' }: FieldProps) {
  return html`<label>${label}
    <input type=${type} value=${value ?? ''} spellcheck=${false} onChange=${(event: Event) => onChange(valueOf(event).trim())} />
  </label>`
}

/** A choice; the first one stands for all. A value that is no choice is shown, too. */
export function SelectField({ label, value, onChange, choices }: FieldProps & { choices: readonly string[] }) {
  const all = value === undefined || choices.includes(value) ? choices : [value, ...choices]
  return html`<label>${label}
    <select onChange=${(event: Event) => onChange(valueOf(event))}>
      <option value="" selected=${value === undefined}>all</option>
      ${all.map((choice) => html`<option key=${choice} value=${choice} selected=${choice === value}>${choice}</option>`)}
    </select>
  </label>`
}
