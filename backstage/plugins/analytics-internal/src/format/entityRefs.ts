/** Entity refs (`user:default/ana`) as a person reads them, and where the portal's catalog shows them. */

interface EntityRef {
  kind: string;
  namespace: string;
  name: string;
}

/** The parts of a full ref; null for a text that is none. */
export function parseEntityRef(ref: string): EntityRef | null {
  const parts = /^([^:/]+):([^:/]+)\/([^:/]+)$/.exec(ref);
  return parts ? { kind: parts[1]!, namespace: parts[2]!, name: parts[3]! } : null;
}

/** `ana` for `user:default/ana`; the namespace stays where it is not the default one. */
export function shortEntityRef(ref: string): string {
  const entity = parseEntityRef(ref);
  if (!entity) return ref;
  return entity.namespace === 'default' ? entity.name : `${entity.namespace}/${entity.name}`;
}

/** The entity's page in the portal. */
export function catalogPath(ref: string): string | null {
  const entity = parseEntityRef(ref);
  if (!entity) return null;
  return `/catalog/${[entity.namespace, entity.kind, entity.name].map(encodeURIComponent).join('/')}`;
}
