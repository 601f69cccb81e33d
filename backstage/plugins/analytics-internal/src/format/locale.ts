/** The language of a BCP 47 tag: `pt` for `pt-BR`. */
export function primary(tag: string): string {
  return tag.toLowerCase().split('-')[0]!;
}

/**
 * The locale for numbers and dates in a language: the browser's variant of the language, if it has one.
 *
 * `tags`: the browser's languages, the preferred one first.
 */
export function localeOf(language: string, tags: readonly string[]): string {
  return tags.find((tag) => primary(tag) === primary(language)) ?? language;
}
