/** A backend with this plugin and its requirements, to try it out and for ../../../tests/bridge. */

import { createBackend } from '@backstage/backend-defaults';
import { callerPlugin } from './caller';

const backend = createBackend();

backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
backend.add(import('../src'));
backend.add(callerPlugin);

backend.start();
