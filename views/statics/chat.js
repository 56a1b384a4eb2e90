// Makes the room page live. Without this module the page can still be read, paged back, and posted to by its form.

import { Announcer } from './announcer.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { focusComposer } from './focus.js';
import { LiveRoom, otherMemberNotice } from './live.js';
import { Pages } from './pages.js';

const room = document.getElementById('room');
const announcer = new Announcer();
const conversation = new Conversation(room, announcer);
const { me } = room.dataset;
const pages = new Pages({
  conversation,
  onOtherMember: (name) => {
    if (live) live.connection.checkMember(name);
    else composer.showLastingRefusal(...otherMemberNotice(me, name));
  },
});
const composer = new Composer({
  key: `prosa.draft.${me}.${room.dataset.room}`,
  maxChars: Number(room.dataset.maxChars),
  onSend: (body) => live?.post(body) ?? 'form',
  onTyping: () => live?.sendTyping(),
});

// Only the page with the newest messages is live. From a page of older messages the form posts.
const live = 'past' in room.dataset ? null : new LiveRoom({ room, announcer, conversation, composer, pages });
if (live) focusComposer();
