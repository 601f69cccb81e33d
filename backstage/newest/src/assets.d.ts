// The same declarations as the Backstage CLI's for the files it bundles.
declare module '*.module.css' {
  const classes: Readonly<Record<string, string>>;
  export default classes;
}
