/** Makes formatters, one for each locale and its options: to make one takes far longer than to use it. */
export function formatterOf<Options, Format>(Formatter: new (locale: string, options: Options) => Format) {
  const known = new Map<string, Format>();
  return (locale: string, options: Options): Format => {
    const key = locale + JSON.stringify(options);
    const format = known.get(key) ?? new Formatter(locale, options);
    known.set(key, format);
    return format;
  };
}
