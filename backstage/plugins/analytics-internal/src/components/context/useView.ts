import { createContext, useContext, useMemo } from 'react';
import { useSearchParams } from 'react-router-dom';
import { readView, withParameter, writeView } from '../../view/address';
import type { View } from '../../view/view';

/** The page's view, as the address bar has it. */
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

/** A view that stands by itself on somebody else's page, whose address says nothing about it. */
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
      // A step is one that the browser's back button takes back; typing is none.
      set: (name, value, { isStep = true } = {}) =>
        setParameters((current) => withParameter(current, name, value), {
          replace: !isStep,
          preventScrollReset: true,
        }),
    }),
    [fixed, parameters, setParameters],
  );
}
