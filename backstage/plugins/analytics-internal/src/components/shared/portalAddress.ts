/** Browsers leave these out wherever they stand, so that what is left may be another address. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;
/** Other schemes are opened too, and some of them run. */
const WEB = /^https?:\/\/[^/\\?#]/i;
/** A second slash names a host, and browsers take a backslash for a slash. */
const PATH = /^\/(?![/\\])/;

/** Where an address of the log leads: to the web, or to a path of the portal. */
export interface Address {
  href: string;
  isInPortal: boolean;
}

/**
 * What a link to an address may have as `href`; null for what must not be a link. Addresses in the log are decoded, and
 * whoever stores events has written them.
 */
export function portalAddressOf(text: string): Address | null {
  const isInPortal = PATH.test(text);
  if (CONTROL.test(text) || !(isInPortal || WEB.test(text))) return null;
  try {
    // What is still encoded stays so.
    return { href: isInPortal ? encodeURI(text).replace(/%25/g, '%') : new URL(text).href, isInPortal };
  } catch {
    return null; // half a character, or a host that is none
  }
}
