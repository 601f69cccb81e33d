/** Browsers drop these characters from an address, which may turn it into another address. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;
/** Other schemes are no links: some of them run code. */
const WEB = /^https?:\/\/[^/\\?#]/i;
/** Two slashes name a host, and browsers read a backslash as a slash. */
const PATH = /^\/(?![/\\])/;

/** Where an address of the log leads: to the web, or to a path of the portal. */
export interface Address {
  href: string;
  isInPortal: boolean;
}

/**
 * Give the `href` of a link to an address of the log; null: it must not be a link. Such an address is decoded, and
 * may be anything that a sender of events has written.
 */
export function portalAddressOf(text: string): Address | null {
  const isInPortal = PATH.test(text);
  if (CONTROL.test(text) || !(isInPortal || WEB.test(text))) return null;
  try {
    // What is still encoded stays encoded.
    return { href: isInPortal ? encodeURI(text).replace(/%25/g, '%') : new URL(text).href, isInPortal };
  } catch {
    return null; // half of a character, or an invalid host
  }
}
