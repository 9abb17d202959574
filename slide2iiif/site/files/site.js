// What every page shares: light or dark, and in a gallery the filter. Without it, all is still there to see.
'use strict';

(() => {
  const root = document.documentElement;
  const storage = {
    // Browsers may forbid it, above all for pages that are opened as files.
    read: () => { try { return localStorage.getItem('theme'); } catch { return null; } },
    write: (value) => { try { localStorage.setItem('theme', value); } catch { /* for this page only, then */ } },
  };
  const chosen = storage.read();
  if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;

  function setUpTheme() {
    const button = document.getElementById('theme');
    if (!button) return;
    button.hidden = false;
    button.addEventListener('click', () => {
      const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
      root.dataset.theme = (root.dataset.theme ?? system) === 'dark' ? 'light' : 'dark';
      storage.write(root.dataset.theme);
    });
  }

  function setUpFilter() {
    const input = document.getElementById('filter');
    if (!input) return;
    const count = document.getElementById('count');
    const all = count.textContent;
    const fold = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
    const items = [...document.querySelectorAll('li[data-name]')].map((item) => [item, fold(item.dataset.name)]);
    input.parentElement.hidden = false;

    const apply = () => {
      const words = fold(input.value).split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [item, name] of items) {
        const matches = words.every((word) => name.includes(word));
        if (item.hidden === matches) item.hidden = !matches;
        shown += matches;
      }
      count.textContent = words.length ? `${shown.toLocaleString('en')} of ${items.length.toLocaleString('en')}` : all;
    };
    input.addEventListener('input', apply);
    document.addEventListener('keydown', (event) => {
      const isTyping = event.target instanceof HTMLInputElement;
      if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        input.focus();
      }
      if (event.key === 'Escape' && event.target === input) {
        input.value = '';
        apply();
      }
    });
    // A browser puts the text back when one comes back to the page.
    apply();
  }

  document.addEventListener('DOMContentLoaded', () => {
    setUpTheme();
    setUpFilter();
  });
})();
