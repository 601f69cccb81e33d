import { type CapturedEvent, pathOf } from './moment';
import { type Settings } from './settings';

/** Says of each event in turn whether it is captured. */
export type Selection = (event: CapturedEvent) => boolean;

/**
 * The selection that the settings ask for: by action, by plugin, and by path with all below it. What somebody does is done
 * on the page of the last navigation; it is left out as well when it leads to an excluded path.
 */
export function selectionOf(
  settings: Pick<Settings, 'actions' | 'excludePlugins' | 'excludePaths' | 'metricsPages'>,
): Selection {
  const { actions, excludePlugins, metricsPages } = settings;
  const excluded = settings.excludePaths.map((path) => `${pathOf(path)}/`);
  const isExcluded = (path: unknown) => excluded.some((above) => `${pathOf(path)}/`.startsWith(above));
  // Not the address of the browser: it has the path in it under which the portal is served.
  let page = '';
  return ({ action, subject, attributes, context }) => {
    if (action === 'navigate') page = subject;
    return (
      (actions.includes('*') || actions.includes(action)) &&
      !excludePlugins.includes(String(context?.pluginId)) &&
      // Who looks at figures would add to them.
      (metricsPages || context?.pluginId !== 'analytics-internal') &&
      !isExcluded(page) &&
      !isExcluded(attributes?.to)
    );
  };
}
