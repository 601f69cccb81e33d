import { AuthService, LoggerService } from '@backstage/backend-plugin-api';
import { PrivateFiles } from './privateFiles';

/** The plugins that the service reads. */
const PLUGINS = ['catalog', 'scaffolder'];
/** A token is valid for an hour. So some renewals may fail before it expires. */
const RENEWAL_MS = 10 * 60_000;
const RETRY_MS = 30_000;

/**
 * The bridge's own tokens for the portal's catalog and scaffolder, in a file that the service reads whenever it needs
 * one: `{"catalog": "…", "scaffolder": "…"}`.
 */
export class PortalTokens {
  readonly #auth: AuthService;
  readonly #logger: LoggerService;
  readonly #files = new PrivateFiles();
  readonly #tokens: Record<string, string> = {};
  #timer?: NodeJS.Timeout;
  #hasEnded = false;

  constructor(auth: AuthService, logger: LoggerService) {
    this.#auth = auth;
    this.#logger = logger;
  }

  /**
   * Write the first tokens, and renew them from now on. A token that Backstage does not issue is missing in the file
   * until it does.
   *
   * @returns the file's path.
   */
  async begin(): Promise<string> {
    const areNew = await this.#renew();
    const path = this.#write();
    this.#schedule(areNew);
    return path;
  }

  /** Stop renewing, and remove the file. */
  end() {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#files.remove();
  }

  #schedule(areNew: boolean) {
    this.#timer = setTimeout(() => this.#renewAndWrite(), areNew ? RENEWAL_MS : RETRY_MS).unref();
  }

  async #renewAndWrite() {
    let areNew = await this.#renew();
    if (this.#hasEnded) {
      return;
    }
    try {
      this.#write();
    } catch (error) {
      areNew = false;
      this.#logger.error(
        'the tokens with which analytics-internal reads the portal were not written',
        error as Error,
      );
    }
    this.#schedule(areNew);
  }

  /** Ask for new tokens. Where there is none, the old one stays. Returns whether all are new. */
  async #renew(): Promise<boolean> {
    return (await Promise.all(PLUGINS.map((plugin) => this.#renewFor(plugin)))).every(Boolean);
  }

  async #renewFor(targetPluginId: string): Promise<boolean> {
    try {
      const onBehalfOf = await this.#auth.getOwnServiceCredentials();
      const { token } = await this.#auth.getPluginRequestToken({ onBehalfOf, targetPluginId });
      this.#tokens[targetPluginId] = token;
      return true;
    } catch (error) {
      this.#logger.error(
        `no new token with which analytics-internal reads the ${targetPluginId}`,
        error as Error,
      );
      return false;
    }
  }

  #write(): string {
    return this.#files.write('portal-tokens.json', JSON.stringify(this.#tokens));
  }
}
