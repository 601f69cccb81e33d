import type {
  AuditorService,
  AuditorServiceCreateEventOptions,
  AuthService,
  DiscoveryService,
  HttpAuthService,
  LoggerService,
  PluginMetadataService,
} from '@backstage/backend-plugin-api';

const MCP_PLUGIN_ID = 'mcp-actions';
const TOOL_EXECUTION = 'tool-execution';
const ANALYTICS_PLUGIN_ID = 'analytics-internal';
const MAX_AGENT_LENGTH = 128;
const TIMEOUT_MS = 5_000;

/**
 * What `auditorWithMcpCalls` needs of Backstage's backend.
 *
 * @public
 */
export interface McpCallsOptions {
  /** Gives the token for the service, for the person that the agent acts for. */
  auth: AuthService;
  /** Says where `analytics-internal` is. */
  discovery: DiscoveryService;
  /** Says who calls. */
  httpAuth: HttpAuthService;
  /** Is told of calls that could not be recorded. */
  logger: LoggerService;
  /** The plugin that the auditor is of. */
  plugin: PluginMetadataService;
}

/**
 * The same auditor, which also makes an event of every tool that an agent calls through `mcp-actions`: action
 * `mcp-call`, the tool as its subject, the program as its agent, for the person whose token it has. Of all other plugins
 * nothing is recorded.
 *
 * @public
 */
export function auditorWithMcpCalls(auditor: AuditorService, options: McpCallsOptions): AuditorService {
  if (options.plugin.getId() !== MCP_PLUGIN_ID) {
    return auditor;
  }
  return {
    async createEvent(call) {
      const event = await auditor.createEvent(call);
      if (call.eventId !== TOOL_EXECUTION) {
        return event;
      }
      // The call must not wait for its event, nor fail with it.
      const record = (status: string) => {
        send(call, status, options).catch((error) =>
          options.logger.warn(`an MCP call was not recorded: ${error}`),
        );
      };
      return {
        async success(result) {
          record('succeeded');
          await event.success(result);
        },
        async fail(result) {
          record('failed');
          await event.fail(result);
        },
      };
    },
  };
}

async function send(
  { meta, request }: AuditorServiceCreateEventOptions,
  status: string,
  { auth, discovery, httpAuth }: McpCallsOptions,
) {
  const occurredAt = new Date().toISOString();
  const credentials = request ? await httpAuth.credentials(request) : await auth.getOwnServiceCredentials();
  const { token } = await auth.getPluginRequestToken({
    onBehalfOf: credentials,
    targetPluginId: ANALYTICS_PLUGIN_ID,
  });
  const response = await fetch(`${await discovery.getBaseUrl(ANALYTICS_PLUGIN_ID)}/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      action: 'mcp-call',
      subject: String(meta?.toolName ?? 'unknown'),
      attributes: { status },
      context: { pluginId: MCP_PLUGIN_ID },
      agent: agentOf(request?.get('user-agent')),
      occurredAt,
      sentAt: new Date().toISOString(),
    }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.text();
  if (!response.ok || answer.includes('"rejected"')) {
    throw new Error(`${response.status} ${answer.slice(0, 200)}`);
  }
}

/** The program that a `User-Agent` names, without its version: `claude-code/2.0 (cli)` is `claude-code`. */
function agentOf(userAgent: string | undefined): string {
  const name = /^[^\s/(]+/.exec((userAgent ?? '').trim())?.[0] ?? '';
  return name.slice(0, MAX_AGENT_LENGTH) || MCP_PLUGIN_ID;
}
