// Not `new URL('..', import.meta.url)` in one: Vite takes that for the address of an asset.
const bundle: string = import.meta.url;

/** Where the page is served, with a slash at the end: the bundle lies in `<mount>/assets/`, whichever page loaded it. */
export const mount = import.meta.env.DEV ? new URL('/', window.location.href) : new URL('..', bundle);
