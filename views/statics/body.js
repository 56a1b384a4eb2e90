// What a message's text comes to, by the rules of the server (models/logs/base.py, models/visible.py): what is taken here is
// taken there. One table of cases holds both to it (testsuite/bodies.py).

const VISIBLE = /[^\p{DI}\s\x00-\x1f\x7f-\x9f\u2800\ufff9-\ufffb\u{16fe4}\u{1d159}\u{13430}-\u{13446}]/u;
const BLANK = /[^\S\ufeff]|[\x1c-\x1f\x85]/;  // what Python calls a space

// The text as it is stored: LF line ends, whole characters, no blank end. One character after the other from the end:
// a pattern for it would look at each run of spaces again and again.
export function cleaned(text) {
  const lines = text.replace(/\r\n?/g, '\n').replaceAll('\0', '').replace(/^\n+/, '');
  const body = lines.replace(/\p{Cs}/gu, '\ufffd');  // half a character, as the form sends it
  let end = body.length;
  while (end && BLANK.test(body[end - 1])) end -= 1;
  return body.slice(0, end);
}

// Whether one sees anything of it.
export const isVisible = (body) => VISIBLE.test(body);

// How many characters it has, which are code points.
export function lengthOf(body) {
  let length = 0;
  for (const _ of body) length += 1;
  return length;
}

// At most how many bytes a message takes in a frame: a string in a list, whose characters beyond ASCII sockjs-client
// may write as \uXXXX, while it doubles quotes and backslashes.
export function wireBytes(message) {
  let bytes = '[""]'.length;
  for (const unit of JSON.stringify(message)) {
    if (unit === '"' || unit === '\\') bytes += 2;
    else bytes += unit >= ' ' && unit <= '~' ? 1 : 6 * unit.length;
  }
  return bytes;
}
