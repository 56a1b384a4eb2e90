// Cleans and measures the text of a message as the server does (models/logs/base.py, models/visible.py), so that what
// is accepted here is accepted there. testsuite/bodies.py has one table of cases for both.

const VISIBLE = /[^\p{DI}\s\x00-\x1f\x7f-\x9f\u2800\ufff9-\ufffb\u{16fe4}\u{1d159}\u{13430}-\u{13446}]/u;
const SPACE = /[^\S\ufeff]|[\x1c-\x1f\x85]/;  // as Python's str.isspace

// Return the text as it is stored: LF line ends, no lone surrogates, no trailing space. The end is found character by
// character: a pattern such as /\s+$/ takes quadratic time for many runs of spaces.
export function cleanBody(text) {
  const lines = text.replace(/\r\n?/g, '\n').replaceAll('\0', '').replace(/^\n+/, '');
  const body = lines.replace(/\p{Cs}/gu, '\ufffd');  // as a form sends a lone surrogate
  let end = body.length;
  while (end && SPACE.test(body[end - 1])) end -= 1;
  return body.slice(0, end);
}

// Whether the text has a character that can be seen.
export const isVisible = (body) => VISIBLE.test(body);

// Return the number of characters, which are code points.
export function countCharacters(body) {
  let count = 0;
  for (const _ of body) count += 1;
  return count;
}

// Return the most bytes that a message can take in a SockJS frame. A frame is a JSON list of strings, in which
// sockjs-client may write a character beyond ASCII as \uXXXX and escapes quotes and backslashes.
export function maxFrameBytes(message) {
  let bytes = '[""]'.length;
  for (const character of JSON.stringify(message)) {
    if (character === '"' || character === '\\') bytes += 2;
    else bytes += character >= ' ' && character <= '~' ? 1 : 6 * character.length;
  }
  return bytes;
}
