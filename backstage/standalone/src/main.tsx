import '@backstage/ui/css/styles.css';
import './standalone.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { mount } from './mount';
import { Standalone } from './Standalone';

// Its address is relative to that of the page, which changes on navigation.
const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
if (icon) icon.href = new URL(icon.href).href;

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Standalone mount={mount} />
  </StrictMode>,
);
