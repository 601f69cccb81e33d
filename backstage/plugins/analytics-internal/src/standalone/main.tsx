import '@backstage/ui/css/styles.css';
import './standalone.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { mount } from './mount';
import { Standalone } from './Standalone';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Standalone mount={mount} />
  </StrictMode>,
);
