import { type CapturedEvent, pathOf } from './moment';
import { type Settings } from './settings';

/** Tells whether an event is captured. Needs to see all events in order. */
export type Selection = (event: CapturedEvent) => boolean;

/**
 * Selects by action, by plugin, and by path with all paths below it. The path is that of the last navigation. An
 * event that leads to an excluded path is excluded too.
 */
export function selectionOf(
  settings: Pick<Settings, 'actions' | 'excludePlugins' | 'excludePaths' | 'metricsPages'>,
): Selection {
  const { actions, excludePlugins, metricsPages } = settings;
  const excluded = settings.excludePaths.map((path) => `${pathOf(path)}/`);
  const isExcluded = (path: unknown) => excluded.some((above) => `${pathOf(path)}/`.startsWith(above));
  // Not the browser's address: it includes the path under which the portal is served.
  let page = '';
  return ({ action, subject, attributes, context }) => {
    if (action === 'navigate') page = subject;
    return (
      (actions.includes('*') || actions.includes(action)) &&
      !excludePlugins.includes(String(context?.pluginId)) &&
      // Looking at the figures must not change them.
      (metricsPages || context?.pluginId !== 'analytics-internal') &&
      !isExcluded(page) &&
      !isExcluded(attributes?.to)
    );
  };
}
