// A slide on OpenSeadragon. Everything is relative to the page's own address: the tree can lie anywhere.
'use strict';

(() => {
  const byId = (id) => document.getElementById(id);
  const stage = byId('stage');
  const slide = JSON.parse(stage.dataset.slide);
  const folder = new URL('.', location.href).href.replace(/\/$/, '');
  const message = byId('message');
  let messageTimer = 0;

  function say(text, seconds = 4) {
    message.textContent = text;
    message.hidden = !text;
    clearTimeout(messageTimer);
    if (seconds) messageTimer = setTimeout(() => { message.hidden = true; }, 1000 * seconds);
  }

  setUpAbout();
  if (typeof OpenSeadragon === 'undefined') {
    const still = new Image();
    still.className = 'still';
    still.alt = 'The whole slide, reduced';
    still.src = 'full/max/0/default.jpg';
    stage.prepend(still);
    say('The viewer could not be loaded, so this is a picture of the whole slide. Where there is no internet, '
      + 'publish with --viewer local.', 0);
    return;
  }

  // OpenSeadragon puts a style into the page, which the policy of the page forbids, unless it is there: see site.css.
  // An element of that name in no namespace is one to it, and no style to the browser.
  const style = document.createElementNS('', 'style');
  style.setAttribute('data-openseadragon-mobile-css', 'true');
  document.head.append(style);

  const info = { ...slide.info, [slide.api === '2' ? '@id' : 'id']: folder };
  const isFile = location.protocol === 'file:';
  const viewer = OpenSeadragon({
    id: 'viewer',
    tileSources: info,
    // Pictures of files cannot be handed to WebGL; neither can any where it is missing.
    drawer: isFile ? ['canvas'] : ['webgl', 'canvas'],
    crossOriginPolicy: isFile ? false : 'Anonymous',
    showNavigationControl: false,
    showNavigator: true,
    navigatorPosition: 'TOP_RIGHT',
    navigatorAutoFade: false,
    navigatorSizeRatio: 0.18,
    navigatorRotate: false,
    maxZoomPixelRatio: 4,
    minZoomImageRatio: 0.6,
    visibilityRatio: 0.3,
    animationTime: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 0.7,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { pinchRotate: true },
  });
  window.slideViewer = viewer;
  viewer.canvas.setAttribute('role', 'application');
  viewer.canvas.setAttribute('aria-label', 'The slide. Arrow keys move, plus and minus zoom, 0 shows the whole slide.');

  const viewport = () => viewer.viewport;
  const scaleNow = () => viewport().viewportToImageZoom(viewport().getZoom(true));
  const centre = () => viewport().viewportToImageCoordinates(viewport().getCenter(true));

  function zoomToScale(scale, immediately = false) {
    viewport().zoomTo(viewport().imageToViewportZoom(scale), null, immediately);
  }

  // ---- the view in the fragment: x and y in pixels of the slide, scale in pixels of the screen for one of those

  function fragment() {
    const { x, y } = centre();
    const rotation = Math.round(10 * viewport().getRotation(true)) / 10;
    const turned = rotation ? `&rotation=${rotation}` : '';
    return `#x=${Math.round(x)}&y=${Math.round(y)}&scale=${Number(scaleNow().toPrecision(6))}${turned}`;
  }

  function applyFragment() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const numbers = ['x', 'y', 'scale'].map((name) => Number.parseFloat(wanted.get(name)));
    if (!numbers.every(Number.isFinite) || numbers[2] <= 0) return false;
    const rotation = Number.parseFloat(wanted.get('rotation'));
    viewport().setRotation(Number.isFinite(rotation) ? rotation : 0, true);
    zoomToScale(numbers[2], true);
    viewport().panTo(viewport().imageToViewportCoordinates(numbers[0], numbers[1]), true);
    viewport().applyConstraints(true);
    return true;
  }

  function noteView() {
    // Safari refuses more than a hundred of these in half a minute.
    try { history.replaceState(null, '', fragment()); } catch { /* the button still copies the link */ }
  }

  // ---- magnification, scale bar, coordinates

  function lengthText(microns) {
    return microns >= 1000 ? `${Number((microns / 1000).toPrecision(3))} mm` : `${Number(microns.toPrecision(3))} µm`;
  }

  function showScale() {
    const scale = scaleNow();
    byId('magnification').textContent = slide.objective
      ? `${Number((scale * slide.objective).toPrecision(2))}×`
      : `${Number((100 * scale).toPrecision(2))} %`;
    for (const button of document.querySelectorAll('[data-scale]')) {
      const isNow = Math.abs(scale / Number(button.dataset.scale) - 1) < 0.01;
      button.setAttribute('aria-pressed', String(isNow));
    }
    if (!slide.mpp) return;
    const longest = Math.min(160, stage.clientWidth / 4);
    const most = longest * slide.mpp / scale;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((step) => step * power).find((each) => each <= most);
    byId('scalebar-label').textContent = lengthText(length);
    byId('scalebar').querySelector('i').style.width = `${length * scale / slide.mpp}px`;
  }

  function showCoordinates({ x, y }) {
    const pixels = `${Math.floor(x).toLocaleString('en')}, ${Math.floor(y).toLocaleString('en')} px`;
    const mm = slide.mpp ? ` · ${[x, y].map((each) => (each * slide.mpp / 1000).toFixed(3)).join(', ')} mm` : '';
    byId('coordinates').textContent = pixels + mm;
  }

  // ---- addresses

  async function copy(text, told) {
    try {
      await navigator.clipboard.writeText(text);
      say(told);
    } catch {
      // Without TLS there is no clipboard; the old way still works in most browsers.
      const field = document.createElement('textarea');
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand('copy');
      field.remove();
      say(done ? told : text, done ? 4 : 20);
    }
  }

  /** The file of a static tree that is nearest to the view: a tile in the middle, or the whole slide at some size. */
  function nearestPicture() {
    const { width, height, tile, levels } = slide;
    const home = viewport().imageToViewportZoom(1) && viewport().getHomeZoom();
    const isWhole = viewport().getZoom(true) <= home * 1.05;
    const scale = scaleNow();
    if (isWhole) {
      const wanted = width * scale;
      const size = slide.sizes.find((each) => each.width >= wanted) ?? slide.sizes.at(-1);
      const text = slide.api === '2' ? `${size.width},` : `${size.width},${size.height}`;
      return { path: `full/${text}`, x: 0, y: 0, w: width, h: height, width: size.width, height: size.height };
    }
    let index = Math.max(0, Math.round(Math.log2(1 / scale)));
    // The top level is one tile, and asked for as the whole.
    index = Math.min(index, Math.max(0, levels - 2));
    const factor = 2 ** index;
    const side = tile * factor;
    const at = centre();
    const column = Math.min(Math.max(0, Math.floor(at.x / side)), Math.ceil(width / side) - 1);
    const row = Math.min(Math.max(0, Math.floor(at.y / side)), Math.ceil(height / side) - 1);
    const [x, y] = [column * side, row * side];
    const [w, h] = [Math.min(side, width - x), Math.min(side, height - y)];
    const size = { width: Math.ceil(w / factor), height: Math.ceil(h / factor) };
    const text = slide.api === '2' ? `${size.width},` : `${size.width},${size.height}`;
    const isAll = levels === 1;
    const region = isAll ? 'full' : `${x},${y},${w},${h}`;
    return { path: `${region}/${text}`, x, y, w, h, ...size };
  }

  function copyRegion() {
    const picture = nearestPicture();
    const mark = document.createElement('div');
    mark.className = 'mark';
    viewer.addOverlay(mark, viewport().imageToViewportRectangle(picture.x, picture.y, picture.w, picture.h));
    setTimeout(() => viewer.removeOverlay(mark), 2500);
    copy(`${folder}/${picture.path}/0/default.jpg`, `Copied the address of the marked picture, ${picture.width} × ${picture.height} px`);
  }

  // ---- buttons

  const actions = {
    in: () => viewport().zoomBy(1.6),
    out: () => viewport().zoomBy(1 / 1.6),
    fit: () => { viewport().setRotation(0); viewport().goHome(); },
    left: () => viewport().setRotation(viewport().getRotation() - 90),
    right: () => viewport().setRotation(viewport().getRotation() + 90),
    full: toggleFullScreen,
    link: () => { noteView(); copy(location.href.replace(/#.*$/, '') + fragment(), 'Copied a link to this view'); },
    region: copyRegion,
  };

  function toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else stage.requestFullscreen?.().catch(() => say('This browser does not allow full screen here'));
  }

  byId('toolbar').addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.dataset.scale) zoomToScale(Number(button.dataset.scale));
    else actions[button.dataset.do]();
    viewport().applyConstraints();
  });

  function setUpAbout() {
    const button = byId('about-button');
    const panel = byId('about');
    const show = (isOpen) => {
      panel.hidden = !isOpen;
      button.setAttribute('aria-expanded', String(isOpen));
    };
    show(false);
    button.hidden = false;
    button.addEventListener('click', () => show(panel.hidden));
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !panel.hidden) { show(false); button.focus(); }
    });
    const mirador = byId('mirador');
    if (mirador && /^https?:$/.test(location.protocol)) {
      const link = mirador.querySelector('a');
      const target = new URL(link.href);
      target.searchParams.set('iiif-content', `${folder}/manifest.json`);
      link.href = target.href;
      mirador.hidden = false;
    }
  }

  viewer.addOnceHandler('open', () => {
    for (const id of ['toolbar', 'readout']) byId(id).hidden = false;
    byId('scalebar').hidden = !slide.mpp;
    applyFragment();
    showScale();
    showCoordinates(centre());
    viewer.addHandler('animation', showScale);
    viewer.addHandler('animation-finish', () => { showScale(); noteView(); });
    viewer.addHandler('rotate', showScale);
    viewer.addHandler('resize', showScale);
    addEventListener('hashchange', applyFragment);
    stage.addEventListener('pointermove', (event) => {
      const box = viewer.element.getBoundingClientRect();
      const point = new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top);
      showCoordinates(viewport().viewerElementToImageCoordinates(point));
    });
  });
  viewer.addHandler('open-failed', () => say('The slide could not be opened', 0));
  viewer.addHandler('tile-load-failed', () => say('A part of the slide could not be loaded'));
})();
