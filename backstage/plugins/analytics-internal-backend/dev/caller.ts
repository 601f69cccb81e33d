import { coreServices, createBackendPlugin } from '@backstage/backend-plugin-api';

/**
 * Shows how another plugin uses the service. `GET /api/caller/top-users` returns the service's answer to this plugin: on
 * behalf of the calling user, or with `?as=itself` on behalf of the plugin.
 */
export const callerPlugin = createBackendPlugin({
  pluginId: 'caller',
  register(env) {
    env.registerInit({
      deps: {
        auth: coreServices.auth,
        discovery: coreServices.discovery,
        httpAuth: coreServices.httpAuth,
        router: coreServices.httpRouter,
      },
      async init({ auth, discovery, httpAuth, router }) {
        router.use(async (request, response) => {
          const { token } = await auth.getPluginRequestToken({
            onBehalfOf:
              request.query.as === 'itself'
                ? await auth.getOwnServiceCredentials()
                : await httpAuth.credentials(request),
            targetPluginId: 'analytics-internal',
          });
          const baseUrl = await discovery.getBaseUrl('analytics-internal');
          const answer = await fetch(`${baseUrl}/top-users`, {
            headers: { Authorization: `Bearer ${token}` },
          });
          response
            .status(answer.status)
            .type(answer.headers.get('content-type') ?? 'text/plain')
            .send(await answer.text());
        });
      },
    });
  },
});
