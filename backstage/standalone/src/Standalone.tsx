import { BUIProvider } from '@backstage/ui';
import { useEffect, useMemo } from 'react';
import { I18nProvider } from 'react-aria-components';
import { BrowserRouter, Link, Route, Routes } from 'react-router-dom';
import { createClient } from '../../plugins/analytics-internal/src/api/client';
import { ActivityDetailsPage } from '../../plugins/analytics-internal/src/components/details/ActivityDetailsPage';
import { LazyDestinationsPage } from '../../plugins/analytics-internal/src/components/destinations/LazyDestinationsPage';
import { MetricsPage } from '../../plugins/analytics-internal/src/components/metrics/MetricsPage';
import type { Pages } from '../../plugins/analytics-internal/src/components/context/PagesContext';
import { PagesProvider } from '../../plugins/analytics-internal/src/components/context/PagesProvider';
import { localeOf } from '../../plugins/analytics-internal/src/format/locale';
import { createTranslate } from '../../plugins/analytics-internal/src/translations/translate';
import { Frame } from './Frame';
import { frameMessages } from './frameMessages';
import { languageOfBrowser, languages, messagesOf } from './languages';
import { usePreference } from './usePreference';
import { useTheme } from './useTheme';

/** The pages by themselves, without a portal around them. `mount`: where they are served, with a slash at the end. */
export function Standalone({ mount }: { mount: URL }) {
  const [language, setLanguage] = usePreference(
    'language',
    languages,
    languageOfBrowser(navigator.languages),
  );
  const [theme, setTheme] = useTheme();
  const locale = localeOf(language, navigator.languages);
  const messages = frameMessages[language];
  const pages = useMemo(
    (): Pages => ({
      client: createClient({
        baseUrl: () => new URL('api/analytics-internal', mount).href,
        fetch: window.fetch.bind(window),
      }),
      t: createTranslate(messagesOf[language], language),
      locale,
      paths: { metrics: '/', destinations: '/destinations', item: (id) => `/items/${id}` },
      around: { kind: 'alone', serviceUrl: mount.href.replace(/\/$/, '') },
    }),
    [mount, language, locale],
  );
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = `${pages.t('page.metrics')} · ${messages.product}`;
  }, [language, messages, pages]);

  return (
    <BrowserRouter basename={mount.pathname}>
      <BUIProvider>
        <I18nProvider locale={locale}>
          <PagesProvider pages={pages}>
            <Frame
              messages={messages}
              language={language}
              onLanguage={setLanguage}
              theme={theme}
              onTheme={setTheme}
              apiUrl={new URL('api.html', mount).href}
            >
              <Routes>
                <Route path="/" element={<MetricsPage />} />
                <Route path="/destinations" element={<LazyDestinationsPage />} />
                <Route path="/items/:id" element={<ActivityDetailsPage />} />
                <Route
                  path="*"
                  element={
                    <p style={{ padding: 'var(--bui-space-5)' }}>
                      {messages.lost}. <Link to="/">{messages.home}</Link>
                    </p>
                  }
                />
              </Routes>
            </Frame>
          </PagesProvider>
        </I18nProvider>
      </BUIProvider>
    </BrowserRouter>
  );
}
