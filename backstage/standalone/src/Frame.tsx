import { Button, ButtonIcon, Menu, MenuItem, MenuTrigger } from '@backstage/ui';
import { RiArrowDownSLine, RiContrastLine, RiMoonLine, RiSunLine } from '@remixicon/react';
import { useEffect, useRef, type ReactNode } from 'react';
import { Link, useLocation } from 'react-router-dom';
import styles from './Frame.module.css';
import { type FrameMessages } from './frameMessages';
import iconUrl from './icon.svg';
import { languageNames, languages, type Language } from './languages';
import { themes, type Theme } from './useTheme';

export interface FrameProps {
  messages: FrameMessages;
  language: Language;
  onLanguage: (language: Language) => void;
  theme: Theme;
  onTheme: (theme: Theme) => void;
  /** Where the OpenAPI page is. */
  apiUrl: string;
  children: ReactNode;
}

const themeIcons = { system: <RiContrastLine />, light: <RiSunLine />, dark: <RiMoonLine /> };

/** The frame of the pages without a portal: a bar with the name, the language and the theme. */
export function Frame({ messages, language, onLanguage, theme, onTheme, apiUrl, children }: FrameProps) {
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    // A new page begins at its top, for the eye and for the screen reader.
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <>
      <a className={styles.skip} href="#main" onClick={() => main.current?.focus()}>
        {messages.skip}
      </a>
      <header className={styles.bar}>
        <h1 className={styles.name}>
          <Link to="/" className={styles.home}>
            <img src={iconUrl} alt="" width={24} height={24} />
            {messages.product}
          </Link>
        </h1>
        <a className={styles.api} href={apiUrl}>
          {messages.api}
        </a>
        <MenuTrigger>
          <Button
            variant="tertiary"
            aria-label={`${messages.language}: ${languageNames[language]}`}
            iconEnd={<RiArrowDownSLine />}
          >
            {languageNames[language]}
          </Button>
          <Menu
            aria-label={messages.language}
            selectionMode="single"
            selectedKeys={[language]}
            onAction={(key) => onLanguage(languages.find((known) => known === key)!)}
          >
            {languages.map((known) => (
              <MenuItem key={known} id={known}>
                <span lang={known}>{languageNames[known]}</span>
              </MenuItem>
            ))}
          </Menu>
        </MenuTrigger>
        <MenuTrigger>
          <ButtonIcon
            variant="tertiary"
            aria-label={`${messages.theme}: ${messages[theme]}`}
            icon={themeIcons[theme]}
          />
          <Menu
            aria-label={messages.theme}
            selectionMode="single"
            selectedKeys={[theme]}
            onAction={(key) => onTheme(themes.find((known) => known === key)!)}
          >
            {themes.map((known) => (
              <MenuItem key={known} id={known} iconStart={themeIcons[known]}>
                {messages[known]}
              </MenuItem>
            ))}
          </Menu>
        </MenuTrigger>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
    </>
  );
}
