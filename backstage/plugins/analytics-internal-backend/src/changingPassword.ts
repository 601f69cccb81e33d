import { LoggerService } from '@backstage/backend-plugin-api';
import { InputError } from '@backstage/errors';
import { Connection } from './databaseUrl';
import { PrivateFiles } from './privateFiles';

// How often we check whether the password has expired.
const INTERVAL_MS = 30_000;

type Provider = () => Promise<Connection & { expirationChecker?: () => boolean }>;

/** A password that a cloud replaces every few minutes, in a file that the service reads for each connection. */
export class ChangingPassword {
  readonly #provider: Provider;
  readonly #files: PrivateFiles;
  readonly #logger: LoggerService;
  #isExpired = () => true;
  #timer?: NodeJS.Timeout;

  constructor(provider: Provider, files: PrivateFiles, logger: LoggerService) {
    this.#provider = provider;
    this.#files = files;
    this.#logger = logger;
  }

  /** The connection, with the password's file in place of the password. */
  async begin(): Promise<Connection> {
    const connection = await this.#renew();
    this.#timer = setInterval(() => this.#renewIfExpired(), INTERVAL_MS).unref();
    return connection;
  }

  end() {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<Connection> {
    const { password, expirationChecker, ...connection } = await this.#provider();
    if (typeof password !== 'string' || /[\r\n]/.test(password)) {
      throw new InputError('backend.database.connection: the generated password is not one line of text');
    }
    this.#isExpired = expirationChecker ?? (() => true);
    return { ...connection, passfile: this.#files.write('password', `*:*:*:*:${password}\n`) };
  }

  async #renewIfExpired() {
    try {
      if (this.#isExpired()) {
        await this.#renew();
      }
    } catch (error) {
      this.#logger.error('the database password of analytics-internal could not be renewed', error as Error);
    }
  }
}
