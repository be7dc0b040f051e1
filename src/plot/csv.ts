type Plain = string | number | boolean | null
type Row = Readonly<Record<string, Plain | readonly Plain[] | undefined>>

/**
 * Rows as CSV (RFC 4180: lines end in CRLF; quoted where there are commas, quotes or line breaks). The header is the union of the rows' keys in
 * the order in which they were first seen. Numbers have all their digits; null and what is missing are empty; lists are joined by a space.
 * @returns an empty string without rows
 */
export function csvOf(rows: readonly Row[]): string {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  if (keys.length === 0) return ''
  const lines = [keys.map(quoted), ...rows.map((row) => keys.map((key) => quoted(cell(row[key]))))]
  return lines.map((fields) => `${fields.join(',')}\r\n`).join('')
}

function cell(value: Row[string]): string {
  if (value === null || value === undefined) return ''
  return isList(value) ? value.map((entry) => (entry === null ? '' : String(entry))).join(' ') : String(value)
}

function isList(value: Plain | readonly Plain[]): value is readonly Plain[] {
  return Array.isArray(value)
}

function quoted(field: string): string {
  return /[",\r\n]|^ | $/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}
