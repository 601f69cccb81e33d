import { configApiRef, useApi } from '@backstage/frontend-plugin-api';

/** `analyticsInternal.formatDateToShort` of app-config, where that is set. */
export function useFormatDateToShort(): boolean | undefined {
  return useApi(configApiRef).getOptionalBoolean('analyticsInternal.formatDateToShort');
}
