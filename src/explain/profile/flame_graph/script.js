(() => {
  'use strict';
  // These are the measures of the picture that has the script.
  const MARGIN = 10, CHARACTER = 7.25, PADDING = 8, TOOLS = 480;
  // A frame with less is not worth a stop of the Tab key.
  const FOCUSED = 24;

  const svg = document.currentScript.closest('svg');
  const alone = svg === document.documentElement;
  const lines = svg.querySelector('.lines');
  const details = svg.querySelector('.details');

  const frames = [...svg.querySelectorAll('.frame')].map((element) => {
    const title = element.querySelector('title').textContent;
    return {
      element,
      title,
      name: title.slice(0, title.lastIndexOf(': ')),
      text: element.querySelector('text'),
      at: Number(element.dataset.at),
      fuel: Number(element.dataset.fuel),
      row: Number(element.dataset.row),
      width: 0,
    };
  });
  const run = frames[0];
  const byElement = new Map(frames.map((frame) => [frame.element, frame]));
  const end = (frame) => frame.at + frame.fuel;
  const has = (outer, inner) => outer.row <= inner.row && outer.at <= inner.at && end(outer) >= end(inner);
  let shown = run;

  // Tools: they are made here since they do nothing without the script.
  const html = (name, properties) =>
    Object.assign(document.createElementNS('http://www.w3.org/1999/xhtml', name), properties);
  const holder = document.createElementNS('http://www.w3.org/2000/svg', 'foreignObject');
  const tools = html('div', { className: 'tools' });
  const share = html('span', { ariaLive: 'polite' });
  const input = html('input', { type: 'search', placeholder: 'Search ( / )', ariaLabel: 'Search' });
  const reset = html('button', { type: 'button', textContent: 'Reset zoom' });
  tools.append(share, input, reset);
  holder.append(tools);
  holder.setAttribute('y', 26);
  holder.setAttribute('width', TOOLS);
  holder.setAttribute('height', 26);
  lines.append(holder);

  const columns = (c) => (c.codePointAt(0) < 128 ? 1 : 2);
  const label = (text, most) => {
    let width = 0, start = '', count = 0;
    for (const c of text) {
      width += columns(c);
      if (width > most) return count < 2 ? '' : start + '…';
      // The ellipsis needs a column too.
      if (width <= most - 1) {
        start += c;
        count += 1;
      }
    }
    return text;
  };

  const layout = () => {
    const whole = alone ? svg.getBoundingClientRect().width : svg.viewBox.baseVal.width;
    const inner = Math.max(whole - 2 * MARGIN, 1);
    const scale = inner / Math.max(shown.fuel, 1);
    for (const frame of frames) {
      const { element } = frame;
      const around = frame !== shown && has(frame, shown);
      const visible = around || has(shown, frame);
      frame.width = !visible ? 0 : around || frame === shown ? inner : frame.fuel * scale;
      element.style.display = visible ? '' : 'none';
      element.classList.toggle('around', around);
      const focused = frame.width >= FOCUSED;
      for (const [name, value] of [['tabindex', '0'], ['role', 'button']]) {
        if (focused) element.setAttribute(name, value);
        else element.removeAttribute(name);
      }
      if (!visible) continue;
      element.setAttribute('x', MARGIN + (around ? 0 : (frame.at - shown.at) * scale));
      element.setAttribute('width', frame.width);
      frame.text.textContent = label(frame.name, Math.floor((frame.width - PADDING) / CHARACTER));
    }
    holder.setAttribute('x', Math.max(whole - MARGIN - TOOLS, MARGIN));
    reset.disabled = shown === run;
  };

  const zoom = (frame) => {
    shown = frame;
    layout();
  };

  const search = () => {
    const wanted = input.value.toLowerCase();
    let fuel = 0, until = 0;
    for (const frame of frames) {
      const found = wanted !== '' && frame !== run && frame.name.toLowerCase().includes(wanted);
      frame.element.classList.toggle('found', found);
      // One in another counts once.
      if (found && frame.at >= until) {
        fuel += frame.fuel;
        until = end(frame);
      }
    }
    const percent = (100 * fuel) / Math.max(run.fuel, 1);
    share.textContent = wanted === '' ? '' : `${percent.toFixed(2)} % of the fuel`;
  };

  // The next frame in the direction of an arrow key.
  const beside = (frame, key) => {
    const others = frames.filter((other) => other.width >= FOCUSED);
    const row = (number) => others.filter((other) => other.row === number);
    switch (key) {
      case 'ArrowUp':
        return row(frame.row + 1).find((other) => has(frame, other) || has(shown, other) && has(frame, shown));
      case 'ArrowDown':
        return row(frame.row - 1).find((other) => has(other, frame));
      case 'ArrowLeft':
        return row(frame.row).findLast((other) => other.at < frame.at);
      case 'ArrowRight':
        return row(frame.row).find((other) => other.at > frame.at);
    }
  };

  const on = (element, name, then) => element.addEventListener(name, then);
  const target = (event) => byElement.get(event.target.closest('.frame'));
  const tell = (event) => {
    const frame = target(event);
    details.textContent = frame ? frame.title : '';
  };
  on(svg, 'mouseover', tell);
  on(svg, 'focusin', tell);
  on(svg, 'click', (event) => {
    const frame = target(event);
    if (frame) zoom(frame);
  });
  on(reset, 'click', () => zoom(run));
  on(input, 'input', search);
  on(alone ? window : svg, 'keydown', (event) => {
    const { key } = event;
    const typing = event.target === input;
    const frame = event.target.closest && target(event);
    const control = event.ctrlKey || event.metaKey;
    const modified = control || event.altKey;
    if (!typing && (key === '/' && !modified || control && key.toLowerCase() === 'f')) {
      input.focus();
      input.select();
    } else if (key === 'Escape') {
      if (typing && input.value !== '') {
        input.value = '';
        search();
      } else {
        zoom(run);
      }
    } else if (frame && !modified && (key === 'Enter' || key === ' ')) {
      zoom(frame);
      frame.element.focus();
    } else if (frame && !modified && key.startsWith('Arrow')) {
      const next = beside(frame, key);
      if (next) next.element.focus();
    } else {
      return;
    }
    event.preventDefault();
  });

  svg.classList.add('live');
  if (alone) {
    // As wide as the window, with the lines at its top, and with the first frame in sight.
    svg.setAttribute('width', '100%');
    svg.removeAttribute('viewBox');
    const follow = () => lines.setAttribute('transform', `translate(0 ${window.scrollY})`);
    on(window, 'resize', layout);
    on(window, 'scroll', follow);
    window.scrollTo(0, svg.getBoundingClientRect().height);
  }
  layout();
})();
