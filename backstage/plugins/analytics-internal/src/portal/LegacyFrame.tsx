import { Content, Header, Page } from '@backstage/core-components';
import type { FrameProps } from '../components/context/PagesContext';

/** What a portal of the legacy frontend system has around each of its pages. */
export function LegacyFrame({ title, parent, children }: FrameProps) {
  return (
    <Page themeId="tool">
      <Header title={title} type={parent?.label} typeLink={parent?.href} />
      <Content noPadding>{children}</Content>
    </Page>
  );
}
