import { en } from './en';

type Counted<Key extends string> = Key extends `${infer Stem}_other` ? Stem : never;

/**
 * Every text of one language. Those that depend on a count may have more forms than English has: `_many` is what
 * Portuguese and Spanish say of a million.
 */
export type Messages = Record<keyof typeof en, string> &
  Partial<Record<`${Counted<keyof typeof en>}_${'zero' | 'two' | 'few' | 'many'}`, string>>;

type Base<Key extends string> = Key extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : Key;
export type MessageKey = Base<keyof typeof en>;

/** Give the text for a key, its placeholders filled. The shape of Backstage's `t`. */
export type Translate = (key: MessageKey, values?: Record<string, string | number>) => string;

/** Translate by one table of messages; `count` picks among `_one`, `_many`, `_other` by the language's rules. */
export function createTranslate(messages: Messages, locale: string): Translate {
  const plurals = new Intl.PluralRules(locale);
  const table: Partial<Record<string, string>> = messages;
  return (key, values = {}) => {
    const counted =
      typeof values.count === 'number' ? table[`${key}_${plurals.select(values.count)}`] : undefined;
    const message = counted ?? table[key] ?? table[`${key}_other`] ?? key;
    return message.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, name: string) =>
      name in values ? String(values[name]) : placeholder,
    );
  };
}
