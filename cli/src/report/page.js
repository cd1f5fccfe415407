// The filter: shows the packets whose row contains all words.
'use strict';
{
  const box = document.querySelector('.filter');
  const input = box.querySelector('input');
  const output = box.querySelector('output');
  const chunks = [...document.querySelectorAll('.packets tbody')];
  const rows = chunks.map((chunk) => [...chunk.rows]);
  const total = rows.reduce((sum, chunk) => sum + chunk.length, 0);
  let texts;

  const show = () => {
    texts ??= rows.map((chunk) => chunk.map((row) => [...row.cells].map((cell) => cell.textContent).join(' ').toLowerCase()));
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((chunk, at) => {
      let inChunk = 0;
      chunk.forEach((row, index) => {
        const passes = words.every((word) => texts[at][index].includes(word));
        if (row.hidden === passes) row.hidden = !passes;
        inChunk += passes ? 1 : 0;
      });
      chunks[at].hidden = inChunk === 0;
      shown += inChunk;
    });
    output.textContent = words.length > 0 ? `${shown} of ${total}` : '';
  };

  // A link to a packet that the filter hides shows all packets again.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.hidden) {
      input.value = '';
      show();
      target.scrollIntoView({ block: 'center' });
    }
  };

  let timer;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(show, total > 5000 ? 200 : 0);
  });
  addEventListener('hashchange', reveal);
  box.hidden = false;
}
