// How each viewer opens a slide: by its info.json or by its manifest, which the query names.
'use strict';

const query = new URLSearchParams(location.search);
const address = query.get('open');
const modules = '/node_modules';

function load(tag, attributes) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.onload = resolve;
    element.onerror = () => reject(new Error(`cannot load ${attributes.src ?? attributes.href}`));
    document.head.append(element);
  });
}

const script = (path) => load('script', { src: `${modules}/${path}` });
const style = (path) => load('link', { rel: 'stylesheet', href: `${modules}/${path}` });

async function openSeadragon(folder) {
  await script(`${folder}/build/openseadragon/openseadragon.js`);
  OpenSeadragon({
    id: 'viewer', tileSources: address, showNavigationControl: false, drawer: 'canvas', crossOriginPolicy: 'Anonymous',
    animationTime: 0, maxZoomPixelRatio: 2, gestureSettingsMouse: { clickToZoom: false },
  });
}

async function mirador(path) {
  await script(path);
  Mirador.viewer({
    id: 'viewer',
    windows: [{ manifestId: address, thumbnailNavigationPosition: 'far-bottom' }],
    window: { sideBarOpen: false, allowClose: false },
    workspaceControlPanel: { enabled: false },
    osdConfig: { drawer: 'canvas', animationTime: 0 },
  });
}

const viewers = {
  openseadragon: () => openSeadragon('openseadragon'),
  openseadragon4: () => openSeadragon('openseadragon4'),

  async openlayers() {
    await style('ol/ol.css');
    await script('ol/dist/ol.js');
    const info = await (await fetch(address)).json();
    const options = new ol.format.IIIFInfo(info).getTileSourceOptions();
    options.zDirection = -1;
    const source = new ol.source.IIIF(options);
    const map = new ol.Map({ target: 'viewer', layers: [new ol.layer.Tile({ source })] });
    map.setView(new ol.View({
      resolutions: source.getTileGrid().getResolutions(), extent: source.getTileGrid().getExtent(),
      constrainOnlyCenter: true,
    }));
    map.getView().fit(source.getTileGrid().getExtent());
  },

  async leaflet() {
    await style('leaflet/dist/leaflet.css');
    await script('leaflet/dist/leaflet.js');
    await script('leaflet-iiif/leaflet-iiif.js');
    const map = L.map('viewer', { center: [0, 0], crs: L.CRS.Simple, zoom: 0, zoomAnimation: false });
    L.tileLayer.iiif(address).addTo(map);
  },

  mirador: () => mirador('mirador/dist/mirador.min.js'),
  mirador3: () => mirador('mirador3/dist/mirador.min.js'),

  async universalviewer() {
    await style('universalviewer/dist/uv.css');
    await script('universalviewer/dist/umd/UV.js');
    UV.init('viewer', new UV.IIIFURLAdapter().getInitialData({ manifest: address }));
  },

  async clover() {
    await script('@samvera/clover-iiif/dist/web-components/index.umd.js');
    const element = document.createElement('clover-viewer');
    element.setAttribute('id', address);
    document.getElementById('viewer').append(element);
  },

  async tify() {
    await style('tify/dist/tify.css');
    const { default: Tify } = await import(`${modules}/tify/dist/tify.js`);
    new Tify({ container: '#viewer', manifestUrl: address });
  },
};

viewers[query.get('viewer')]().catch((error) => console.error(error.message));
