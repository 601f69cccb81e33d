import type { components } from './schema';

/** The structs of the service by name, as it describes them in OpenAPI. */
export type Schemas = components['schemas'];
