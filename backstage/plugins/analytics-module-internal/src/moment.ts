import { type AnalyticsEvent } from '@backstage/core-plugin-api';
import { uuid7 } from './ids';

/**
 * An event of either frontend system. They differ only in the context.
 *
 * @public
 */
export interface CapturedEvent extends Pick<AnalyticsEvent, 'action' | 'subject' | 'value' | 'attributes'> {
  /** The place in the portal where it happened. */
  context: { [name in string]?: string | number | boolean };
}

/** A captured event: its JSON, and what the rules for repetitions need. */
export interface Moment {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  action: string;
  subject: string;
  /** Of a navigation: where it led to, without query and fragment. */
  path: string;
  /** Whether it happened before the sign-in. */
  isEarly?: boolean;
  /** Whether the new frontend system's root reported it, which does not know the page. */
  isOfRoot: boolean;
  /** Of a navigation: whether the person has done something since the navigation before it. */
  isAsked?: boolean;
  /** Until this time a repetition may replace it, so it is not sent. */
  openUntil?: number;
  /** The event as JSON without the last brace: session and user are added later. Empty if the event is excluded. */
  text: string;
}

/**
 * Copies `event`. Later changes of the event have no effect, and the event is not changed.
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
  return {
    id,
    at,
    action,
    subject,
    path: pathOf(subject),
    isOfRoot: context?.extensionId === 'app/root',
    text,
  };
}

/** The path of an address in the portal: without query, fragment and the slash at its end. */
export function pathOf(address: unknown): string {
  return String(address).replace(/\/?([?#].*)?$/s, '');
}
