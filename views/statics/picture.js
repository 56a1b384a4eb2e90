// Draws a member's picture as modules/picture.html does: names come over the live connection without one.

import { element } from './element.js';

// Return the picture of a member who is online.
export function createPicture(name) {
  const picture = element('span', `picture tint-${tint(name)} present`, initial(name));
  picture.setAttribute('aria-hidden', 'true');
  return picture;
}

// The first letter or digit.
function initial(name) {
  return [...(name.match(/[\p{L}\p{N}]/u)?.[0] ?? '').toUpperCase()][0] ?? '';
}

// One of ten colours, by the CRC-32 of the name.
function tint(name) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(name)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0) % 10;
}
