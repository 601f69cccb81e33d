function primary(tag: string): string {
  return tag.toLowerCase().split('-')[0]!;
}

/**
 * How numbers and dates are written in a language: by the browser's own variety of it where it has one.
 *
 * `tags`: the browser's languages, the preferred one first.
 */
export function localeOf(language: string, tags: readonly string[]): string {
  return tags.find((tag) => primary(tag) === primary(language)) ?? language;
}
