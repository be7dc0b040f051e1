import { type Html, html } from './html.js'
import { sizeText } from './numbers.js'

/** Larger data are linked to, and not put into the report. */
const EMBEDDED_BYTES = 1_000_000

/** Data of a report. */
export interface DataFile {
  /** `fig3.csv`. */
  readonly name: string
  readonly content: string
  readonly type: 'text/csv' | 'application/x-ndjson' | 'application/json'
  /** Its file, relative to the report; undefined where there is none. */
  readonly place?: string
}

/** Links to data: to the files beside the report, and, while they are of moderate size, to copies within it, which travel with the one file. */
export function dataLinks(files: readonly DataFile[]): Html {
  const within = files.filter(({ content }) => Buffer.byteLength(content) <= EMBEDDED_BYTES)
  const beside = files.flatMap(({ place }) => (place === undefined ? [] : [place]))
  return html`<p class="data">
    ${
      within.length === 0
        ? undefined
        : html`<span class="embedded"
            >Data in this file:
            ${separated(
              within.map(
                ({ name, content, type }) =>
                  html`<a
                      download="${name}"
                      href="data:${type};charset=utf-8;base64,${Buffer.from(content).toString('base64')}"
                      >${name}</a
                    >
                    (${sizeText(Buffer.byteLength(content))})`,
              ),
            )}.
          </span>`
    }${
      beside.length === 0
        ? undefined
        : html`Beside it: ${separated(beside.map((place) => html`<a href="${hrefOf(place)}">${place}</a>`))}.`
    }
  </p>`
}

function hrefOf(place: string): string {
  // A relative path whose first part has a colon would be taken for a scheme.
  return `./${place.split('/').map(encodeURIComponent).join('/')}`
}

function separated(parts: readonly Html[]): Html[] {
  return parts.map((part, i) => (i === 0 ? part : html`, ${part}`))
}
