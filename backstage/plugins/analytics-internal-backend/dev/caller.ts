import { coreServices, createBackendPlugin } from '@backstage/backend-plugin-api';

/**
 * How another plugin asks the service: `GET /api/caller/top-users` is answered with what the service says to this
 * plugin, on behalf of the user who calls or, with `?as=itself`, of the plugin.
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
