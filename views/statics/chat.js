// Makes the room page live. Without this module the page can still be read, paged back, and posted to by its form.

import { Actions } from './actions.js';
import { Announcer } from './announcer.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { focusComposer } from './focus.js';
import { LiveRoom } from './live.js';
import { Pages } from './pages.js';
import { otherSignInNotice } from './panel.js';

const room = document.getElementById('room');
const announcer = new Announcer();
const conversation = new Conversation(room, announcer);
const { me } = room.dataset;
const pages = new Pages({
  conversation,
  onOtherMember: (signIn) => {
    if (live) live.connection.checkMember(signIn);
    else composer.showLastingRefusal(...otherSignInNotice(me, signIn));
  },
  onEnd: (head) => {
    room.dataset.head = head;
    delete room.dataset.past;
    goLive();
  },
});
const composer = new Composer({
  key: `prosa.draft.${me}.${room.dataset.room}`,
  maxChars: Number(room.dataset.maxChars),
  onSend: (fields) => live?.post(fields) ?? 'form',
  onTyping: () => live?.sendTyping(),
  onEditLast: (event) => actions?.editLast(event),
});

// What completes names and emoji is loaded with the first letter that is typed.
let completion = null;
composer.field.addEventListener('input', (event) => {
  completion ??= import('./completion.js').then(
    ({ Completion }) => new Completion({ form: composer.form, announcer }).onInput(event),
    () => { completion = null; },
  );
});

// Only the page with the newest messages is live. From a page of older messages the form posts, until the newest have
// been loaded there, too.
let live = null;
const actions = new Actions({ room, conversation, composer, pages, announcer });

function goLive() {
  live = actions.live = new LiveRoom({ room, announcer, conversation, composer, pages });
}

if (!conversation.isPast) {
  goLive();
  focusComposer();
}
