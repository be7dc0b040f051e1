import { fontFaces } from '../../plot/font/embedded.js'
import { Html, html } from './html.js'
import { STYLE } from './style.js'

export interface Section {
  /** Of the heading: what links lead to. */
  readonly id: string
  readonly title: string
  readonly body: Html
}

/** A whole page, on its own: no other file, no script, its font within it. */
export function pageHtml(title: string, lead: Html, sections: readonly Section[], footer: Html): string {
  const shown = html`${title} Contents ${lead} ${sections.map((section) => html`${section.title} ${section.body}`)}
  ${footer}`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
        />
        <title>${title}</title>
        <style>
          ${new Html(fontFaces(shown.text.replace(/<[^>]*>/g, '')))}${new Html(STYLE)}
        </style>
      </head>
      <body>
        <a class="skip" href="#${sections[0]?.id ?? 'main'}">Skip to the results</a>
        <header>
          <h1>${title}</h1>
          ${lead}
          <nav aria-label="Contents">
            <ol>
              ${sections.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}
            </ol>
          </nav>
        </header>
        <main id="main">
          ${sections.map(
            ({ id, title: name, body }) =>
              html`<section aria-labelledby="${id}">
                <h2 id="${id}">${name}</h2>
                ${body}
              </section> `,
          )}
        </main>
        <footer>${footer}</footer>
      </body>
    </html> `.text
}

/** A list of terms and what is said of them; those of which nothing is known are left out. */
export function termsHtml(terms: readonly (readonly [string, string | Html | undefined])[]): Html {
  const known = terms.filter(([, value]) => value !== undefined && value !== '')
  return html`<dl>
    ${known.map(
      ([term, value]) =>
        html`<dt>${term}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}
