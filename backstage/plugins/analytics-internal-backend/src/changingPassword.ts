import { LoggerService } from '@backstage/backend-plugin-api';
import { InputError } from '@backstage/errors';
import { Connection } from './databaseUrl';
import { PrivateFiles } from './privateFiles';

// How often it is looked whether the password is still good.
const INTERVAL_MS = 30_000;

type Provider = () => Promise<Connection & { expirationChecker?: () => boolean }>;

/** A password that a cloud makes anew every few minutes, kept in a file that the service reads for each connection. */
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

  /** The connection with the file of the password in the password's place. */
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
      throw new InputError(
        'backend.database.connection: the password that was made for it is not one line of text',
      );
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
      this.#logger.error(
        'the password of the database of analytics-internal could not be made anew',
        error as Error,
      );
    }
  }
}
