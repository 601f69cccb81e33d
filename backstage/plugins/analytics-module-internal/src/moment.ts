import { type AnalyticsEvent } from '@backstage/core-plugin-api';
import { uuid7 } from './ids';

/**
 * An event of either frontend system: they differ in what is in the context, of which nothing is asked.
 *
 * @public
 */
export interface CapturedEvent extends Pick<AnalyticsEvent, 'action' | 'subject' | 'value' | 'attributes'> {
  /** Where in the portal it happened. */
  context: { [name in string]?: string | number | boolean };
}

/** A captured event: what it says, as it will be sent, and what the rules that collapse repetitions look at. */
export interface Moment {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  action: string;
  subject: string;
  /** Whether it is of the new frontend system's root before the sign-in, which does not know yet what page will be shown. */
  isOfRoot: boolean;
  /** Until when it may be replaced by what repeats it, and should not be sent. */
  openUntil?: number;
  /** The event as JSON, without its last brace: session and user are still to come. Empty when it is left out. */
  text: string;
}

/**
 * Takes down `event` as it is now; what becomes of it later does not matter, and it is left as it is.
 *
 * Throws when its attributes or context cannot be written as JSON.
 */
export function momentOf(event: CapturedEvent, at: number, environment: string): Moment {
  const { action, subject, value, attributes, context } = event;
  const id = uuid7(at);
  const text = JSON.stringify({
    id,
    occurredAt: new Date(at),
    action,
    subject,
    value,
    attributes,
    context: { ...context, ...(environment && { environment }) },
  }).slice(0, -1);
  return { id, at, action, subject, isOfRoot: context?.extensionId === 'app/root', text };
}

/** The path of an address inside of the portal: without query, fragment and the slash at its end. */
export function pathOf(address: unknown): string {
  return String(address).replace(/\/?([?#].*)?$/s, '');
}
