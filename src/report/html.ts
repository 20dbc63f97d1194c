/**
 * HTML as a value of its own. What a template is given is text and is escaped, unless it came from a template itself:
 * a name of a file or a title can never become markup, and nobody has to remember to escape it.
 */

/** A piece of markup. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }

  toString(): string {
    return this.markup;
  }
}

/** What may stand in a template; nothing is written for undefined, null and false. */
export type Content = Html | string | number | false | null | undefined | readonly Content[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it must stand in markup, in an element or within the quotes of an attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** A template of markup: `` html`<p title="${hint}">${text}</p>` ``. Attributes need their quotes. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(strings.reduce((markup, string, i) => markup + markupOf(contents[i - 1]) + string));
}

function markupOf(content: Content): string {
  if (content === undefined || content === null || content === false) return '';
  if (content instanceof Html) return content.markup;
  if (typeof content === 'string' || typeof content === 'number') return escapeHtml(String(content));
  return content.map(markupOf).join('');
}
