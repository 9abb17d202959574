// slide2iiif: a function of CloudFront (viewer request, JavaScript runtime 2.0) in front of a tree in a bucket.
//
// It does what nginx/slide2iiif.conf does for a folder, as far as that can be told from a path alone:
//
//     /iiif/<identifier>                          303 to its info.json
//     /iiif, /iiif/some/folder                    301 to the address with a slash
//     /iiif/some/folder/, /iiif/<identifier>/     its page, index.html
//     /iiif-v3/<identifier>/info.json             info-v3.json of the slide, the 3.0 document
//     /iiif-v3/<identifier>/x,y,w,h/ws,hs/...       the tile stored as x,y,w,h/ws,
//     names that begin with a dot                 404: records are nobody's business
//
// Edit the constants; docs/buckets-hosting.md tells the rest.

// Paths of --base-url and --other-base-url. For a tree exported with --api 3, OTHER is ''.
const BASE = '/iiif';
const OTHER = '/iiif-v3';
// Where the tree lies in the bucket, as in s3://bucket/iiif: '' for the root of the bucket.
const PREFIX = '/iiif';
// false for a tree exported with --no-site.
const PAGES = true;
// Last names of identifiers; all others are folders. Of --identifier path and hash; edit it for names of a table.
const SLIDE = /\.(?:bif|bmp|btf|czi|dcm|dicom|gif|j2c|j2k|jfif|jp2|jpc|jpe|jpeg|jpf|jpg|jpx|mrxs|ndpi|png|pgm|pnm|ppm|qptiff|scn|svs|svslide|synthetic|tf2|tf8|tif|tiff|vms|vmu|webp)!?$|^[a-z2-7]{32}$/i;

const ALLOWED = /^[A-Za-z0-9._!,\/-]+$/;
const HIDDEN = /\/(?:\.|\/)/;
const FILE = /\/(?:info|info-v[23]|manifest|collection)\.json$|\/index\.html$|\/profile\.icc$|\/!page\d+\.(?:html|json)$|\/!site-[0-9a-f]+\/./;
const PICTURE = /\/(?:full|square|[0-9.,]+)\/[^\/]+\/[^\/]+\/(?:default|color|gray|bitonal|native)\.[a-z0-9]+$/;
const TILE_3 = /(\/\d+,\d+,\d+,\d+\/\d+,)\d+(\/0\/default\.jpg)$/;

function handler(event) {
    const request = event.request;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
        return request;
    }
    let path;
    try {
        path = decodeURIComponent(request.uri);
    } catch (error) {
        return refused();
    }
    const isOther = OTHER !== '' && isBelow(path, OTHER);
    if (!isOther && !isBelow(path, BASE)) {
        return request;
    }
    // No path that is read further leads out of the tree, to a record, or to another host.
    if (!ALLOWED.test(path) || HIDDEN.test(path)) {
        return refused();
    }
    return answered(request, path.slice((isOther ? OTHER : BASE).length), isOther);
}

function answered(request, path, isOther) {
    if (path === '') {
        return PAGES ? moved(301, request.uri + '/') : refused();
    }
    if (path.endsWith('/')) {
        if (PAGES || path === '/') {
            return found(request, path + 'index.html');
        }
        return moved(303, request.uri.replace(/(?:\/|%2f)$/i, '') + '/info.json');
    }
    if (FILE.test(path) || PICTURE.test(path)) {
        return found(request, isOther ? stored(path) : path);
    }
    if (SLIDE.test(lastName(path))) {
        return moved(303, request.uri + '/info.json');
    }
    return PAGES ? moved(301, request.uri + '/') : refused();
}

// The last name of an identifier, its escapes (!53 for S) undone.
function lastName(path) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return name.replace(/!([0-9A-F]{2})/g, (escape, code) => String.fromCharCode(parseInt(code, 16)));
}

// The name under which a tree of 2.1 holds what is asked for as 3.0.
function stored(path) {
    return path.replace(/\/info\.json$/, '/info-v3.json').replace(TILE_3, '$1$2');
}

function isBelow(path, prefix) {
    return path === prefix || path.startsWith(prefix + '/');
}

function found(request, path) {
    request.uri = PREFIX + path;
    return request;
}

function moved(status, address) {
    return reply(status, status === 303 ? 'See Other' : 'Moved Permanently', { location: { value: address } });
}

function refused() {
    return reply(404, 'Not Found', {});
}

function reply(status, words, headers) {
    headers['access-control-allow-origin'] = { value: '*' };
    headers['cache-control'] = { value: 'no-cache' };
    return { statusCode: status, statusDescription: words, headers: headers };
}
