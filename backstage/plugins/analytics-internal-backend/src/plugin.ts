import { coreServices, createBackendPlugin } from '@backstage/backend-plugin-api';
import { readBridgeConfig } from './config';
import { Forwarder } from './forwarder';
import { startManaged } from './managed';
import { API_PATH } from './upstream';

/**
 * Forwards `/api/analytics-internal` to the analytics-internal service: one that it starts (`mode: managed`, the
 * default), or one that runs elsewhere (`mode: remote`).
 *
 * @public
 */
export const analyticsInternalPlugin = createBackendPlugin({
  pluginId: 'analytics-internal',
  register(env) {
    env.registerInit({
      deps: {
        auth: coreServices.auth,
        config: coreServices.rootConfig,
        database: coreServices.database,
        discovery: coreServices.discovery,
        lifecycle: coreServices.lifecycle,
        logger: coreServices.logger,
        router: coreServices.httpRouter,
      },
      async init({ auth, config, database, discovery, lifecycle, logger, router }) {
        const bridge = readBridgeConfig(config);
        if (bridge.mode === 'remote') {
          logger.info(`forwarding to ${bridge.baseUrl}${API_PATH}`);
        }
        bridge.warnings.forEach((warning) => logger.warn(warning));
        const service =
          bridge.mode === 'managed'
            ? await startManaged(bridge, { auth, config, database, discovery, logger })
            : { upstream: () => ({ url: bridge.baseUrl }), stop: async () => {} };
        const forwarder = new Forwarder(service.upstream, logger);
        // Not an open door: the service verifies the token of every request itself. The backend's own check would
        // refuse the service's machine tokens.
        router.addAuthPolicy({ path: '/', allow: 'unauthenticated' });
        router.use((request, response) => forwarder.forward(request, response));
        lifecycle.addShutdownHook(async () => {
          await service.stop();
          forwarder.close();
        });
      },
    });
  },
});
