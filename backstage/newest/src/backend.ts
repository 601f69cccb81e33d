import { createBackend } from '@backstage/backend-defaults';

const backend = createBackend();
backend.add(import('../../plugins/analytics-internal-backend/src'));
