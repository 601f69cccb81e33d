import { createContext, useContext, useMemo } from 'react';
import { useSearchParams } from 'react-router-dom';
import { readView, withParameter, writeView } from '../../view/address';
import type { View } from '../../view/view';

/** The view that the address states, and ways to change it. */
export interface ViewInAddress {
  view: View;
  parameters: URLSearchParams;
  show: (view: View) => void;
  /** The address of another view of this page. */
  hrefOf: (view: View) => string;
  set: (
    name: Parameters<typeof withParameter>[1],
    value: string | null,
    options?: { isStep?: boolean },
  ) => void;
}

/** The view of a card on another plugin's page, whose address does not state it. */
export const FixedView = createContext<View | null>(null);

export function useView(): ViewInAddress {
  const fixed = useContext(FixedView);
  const [parameters, setParameters] = useSearchParams();
  return useMemo(
    () => ({
      view: fixed ?? readView(parameters),
      parameters,
      show: (view) => setParameters((current) => writeView(current, view), { preventScrollReset: true }),
      hrefOf: (view) => `?${writeView(parameters, view).toString()}`,
      // The browser's back button undoes a step. Typing is not a step.
      set: (name, value, { isStep = true } = {}) =>
        setParameters((current) => withParameter(current, name, value), {
          replace: !isStep,
          preventScrollReset: true,
        }),
    }),
    [fixed, parameters, setParameters],
  );
}
